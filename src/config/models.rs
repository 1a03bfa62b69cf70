//! `[[models]]`: language models in the order in which they are asked.

use super::check::check_name;
use super::error::ConfigError;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::PathBuf;

/// A language model and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// What facts and messages call it.
    pub name: String,
    /// What is spoken.
    pub provider: ModelProvider,
    /// What the provider calls the model.
    #[serde(default)]
    pub model: String,
    /// Where the provider's paths begin; the provider's own address when absent.
    pub base_url: Option<String>,
    /// Environment variable that holds the key.
    pub key_env: Option<String>,
    /// File that holds the key, alone.
    pub key_file: Option<PathBuf>,
    /// Rules of a scripted model.
    pub script: Option<PathBuf>,
    /// Folder in which every exchange is kept.
    pub record: Option<PathBuf>,
    /// Folder from which answers are taken instead of the provider.
    pub replay: Option<PathBuf>,
    /// Bounds of a call.
    #[serde(default)]
    pub limits: ModelLimits,
}

/// What a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelProvider {
    /// OpenAI's chat completions at OpenAI.
    Openai,
    /// OpenAI's chat completions anywhere else: Ollama, vLLM, gateways.
    OpenaiCompatible,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
    /// Rules from a file; no network.
    Scripted,
}

/// Bounds of a call to a model. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelLimits {
    /// Longest time to connect.
    pub connect_ms: u64,
    /// Longest time from sending until the first byte of the answer.
    pub first_ms: u64,
    /// Longest silence within an answer.
    pub silence_ms: u64,
    /// Longest time of a whole call: all attempts, pauses, and the answer to its end.
    pub call_ms: u64,
    /// Most attempts, the first one counted.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles with each further one.
    pub pause_ms: u64,
    /// Longest pause, unless the provider asks for more.
    pub longest_pause_ms: u64,
    /// Failures in a row after which the provider is left alone.
    pub breaker_failures: u32,
    /// How long it is left alone.
    pub breaker_pause_ms: u64,
}

impl Default for ModelLimits {
    fn default() -> ModelLimits {
        ModelLimits {
            connect_ms: 10_000,
            first_ms: 60_000,
            silence_ms: 30_000,
            call_ms: 180_000,
            attempts: 4,
            pause_ms: 500,
            longest_pause_ms: 8_000,
            breaker_failures: 5,
            breaker_pause_ms: 30_000,
        }
    }
}

/// Most attempts that can be set: more would only annoy a provider.
const MOST_ATTEMPTS: u32 = 10;

pub(super) fn check_models(models: &[ModelEntry]) -> Result<(), ConfigError> {
    let mut seen = HashSet::new();
    for (at, entry) in models.iter().enumerate() {
        let faults = [
            ("name", (!seen.insert(&entry.name)).then_some("is there twice")),
            ("model", entry.fault_of_model()),
            ("base_url", entry.fault_of_address()),
            ("key_env", entry.fault_of_key()),
            ("script", entry.fault_of_script()),
            ("replay", entry.fault_of_recording()),
        ];
        check_name(format!("models[{at}].name"), &entry.name)?;
        for (field, fault) in faults {
            if let Some(message) = fault {
                return Err(ConfigError::value(format!("models[{at}].{field}"), message));
            }
        }
        entry.limits.check(at)?;
    }
    Ok(())
}

impl ModelEntry {
    /// Where the provider's paths begin, without a slash at the end.
    pub fn address(&self) -> &str {
        let own = match self.provider {
            ModelProvider::Openai => "https://api.openai.com/v1",
            ModelProvider::Anthropic => "https://api.anthropic.com",
            ModelProvider::Gemini => "https://generativelanguage.googleapis.com",
            ModelProvider::OpenaiCompatible | ModelProvider::Scripted => "",
        };
        self.base_url.as_deref().map_or(own, |url| url.trim_end_matches('/'))
    }

    fn is_scripted(&self) -> bool {
        self.provider == ModelProvider::Scripted
    }

    fn fault_of_model(&self) -> Option<&'static str> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"._:/@+-".contains(&c);
        match self.provider {
            ModelProvider::Scripted if self.model.is_empty() => None,
            ModelProvider::Scripted => Some("a scripted model has no other name; take it out"),
            _ if self.model.is_empty() => Some("is missing: what the provider calls the model"),
            ModelProvider::Gemini if self.model.contains('/') => {
                Some("is the name alone, without a path such as models/ before it")
            }
            _ if self.model.bytes().all(plain) => None,
            _ => Some("may hold letters, digits and any of . _ : / @ + -"),
        }
    }

    fn fault_of_address(&self) -> Option<&'static str> {
        let Some(url) = &self.base_url else {
            let needed = self.provider == ModelProvider::OpenaiCompatible;
            return needed.then_some("is missing: such as http://127.0.0.1:11434/v1 for Ollama");
        };
        let Ok(url) = reqwest::Url::parse(url) else {
            return Some("is not an address such as https://host/v1");
        };
        match url.scheme() {
            _ if self.is_scripted() => Some("a scripted model has no address; take it out"),
            "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
                Some("must not hold a name or password; put the key into key_env or key_file")
            }
            "http" | "https" if url.query().is_some() || url.fragment().is_some() => {
                Some("must end before any ? or #")
            }
            "http" | "https" => None,
            _ => Some("must begin with https:// or http://"),
        }
    }

    fn fault_of_key(&self) -> Option<&'static str> {
        let variable = |name: &String| !name.is_empty() && !name.contains(['=', '\0', ' ']);
        match (&self.key_env, &self.key_file) {
            (Some(_), Some(_)) => Some("is given together with key_file; choose one of them"),
            (Some(_), None) | (None, Some(_)) if self.is_scripted() => {
                Some("a scripted model has no key; take it out")
            }
            (Some(name), None) if !variable(name) => Some("is not the name of an environment variable"),
            (None, None) if self.needs_key() => {
                Some("is missing: name the environment variable that holds the key, or give key_file")
            }
            _ => None,
        }
    }

    fn needs_key(&self) -> bool {
        let named = [ModelProvider::Openai, ModelProvider::Anthropic, ModelProvider::Gemini];
        named.contains(&self.provider) && self.replay.is_none()
    }

    fn fault_of_script(&self) -> Option<&'static str> {
        match &self.script {
            None if self.is_scripted() => Some("is missing: the file with the rules"),
            Some(_) if !self.is_scripted() => Some("is only for provider = \"scripted\""),
            Some(path) if !path.is_file() => Some("is not there"),
            _ => None,
        }
    }

    fn fault_of_recording(&self) -> Option<&'static str> {
        match &self.replay {
            Some(_) if self.record.is_some() => Some("is given together with record; choose one of them"),
            Some(folder) if !folder.is_dir() => Some("is not a folder"),
            _ => None,
        }
    }
}

impl ModelLimits {
    fn check(&self, at: usize) -> Result<(), ConfigError> {
        let fault = |name: &str, message: String| {
            Err(ConfigError::value(format!("models[{at}].limits.{name}"), message))
        };
        let sizes = [
            ("connect_ms", self.connect_ms),
            ("first_ms", self.first_ms),
            ("silence_ms", self.silence_ms),
            ("call_ms", self.call_ms),
            ("attempts", self.attempts.into()),
            ("breaker_failures", self.breaker_failures.into()),
        ];
        match sizes.iter().find(|(_, size)| *size == 0) {
            Some((name, _)) => fault(name, "must be at least 1".into()),
            None if self.attempts > MOST_ATTEMPTS => {
                fault("attempts", format!("must be at most {MOST_ATTEMPTS}"))
            }
            None => Ok(()),
        }
    }
}
