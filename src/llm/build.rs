//! From configuration to models.

use super::anthropic::Messages;
use super::breaker::Breaker;
use super::fallback::Chain;
use super::gemini::GenerateContent;
use super::keys::KeySource;
use super::openai::ChatCompletions;
use super::protocol::Protocol;
use super::provider::{Patience, Provider};
use super::recorded::{Mode, Recorded};
use super::retry::{Retried, Retries, chance};
use super::scripted::{Script, Scripted};
use super::transport::Http;
use crate::config::{ConfigError, ModelEntry, ModelProvider, Secret};
use std::sync::Arc;
use std::time::Duration;
use vanna_actors::ports::model::Model;
use vanna_actors::runtime::Clock;

/// The models of a configuration as one: each next one is asked when the ones before do not
/// answer. None if there are none. Keys are read now, from the environment or their files.
pub fn models(entries: &[ModelEntry], clock: &Arc<dyn Clock>) -> Result<Option<Arc<dyn Model>>, ConfigError> {
    let env = |name: &str| std::env::var(name).ok();
    let built = entries.iter().enumerate().map(|(at, entry)| {
        let fault =
            |(field, message): (&str, String)| ConfigError::value(format!("models[{at}].{field}"), message);
        model(entry, clock, env).map_err(fault)
    });
    let mut built = built.collect::<Result<Vec<_>, _>>()?.into_iter();
    let first = built.next();
    Ok(first.map(|first| -> Arc<dyn Model> {
        match built.len() {
            0 => first,
            _ => Arc::new(Chain::new(first, built.collect())),
        }
    }))
}

type Fault = (&'static str, String);

fn model(
    entry: &ModelEntry,
    clock: &Arc<dyn Clock>,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Model>, Fault> {
    let model: Arc<dyn Model> = match protocol(entry.provider) {
        Some(protocol) => Arc::new(retried(entry, protocol, clock, env)?),
        None => Arc::new(scripted(entry)?),
    };
    Ok(match (&entry.record, &entry.replay) {
        (None, None) => model,
        (Some(folder), _) => Arc::new(Recorded { model, folder: folder.clone(), mode: Mode::Record }),
        (None, Some(folder)) => Arc::new(Recorded { model, folder: folder.clone(), mode: Mode::Replay }),
    })
}

/// What a provider speaks; none: nothing, it follows a script.
pub(super) fn protocol(provider: ModelProvider) -> Option<Box<dyn Protocol>> {
    Some(match provider {
        ModelProvider::Openai => Box::new(ChatCompletions { bound: "max_completion_tokens" }),
        ModelProvider::OpenaiCompatible => Box::new(ChatCompletions { bound: "max_tokens" }),
        ModelProvider::Anthropic => Box::new(Messages),
        ModelProvider::Gemini => Box::new(GenerateContent),
        ModelProvider::Scripted => return None,
    })
}

fn retried(
    entry: &ModelEntry,
    protocol: Box<dyn Protocol>,
    clock: &Arc<dyn Clock>,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Retried, Fault> {
    let limits = &entry.limits;
    let transport = Http::new(Duration::from_millis(limits.connect_ms));
    let transport = transport.map_err(|trouble| ("provider", trouble.failure(&entry.name).message))?;
    Ok(Retried {
        provider: Provider {
            name: entry.name.clone(),
            model: entry.model.clone(),
            base: entry.address().to_owned(),
            key: key(entry, env)?,
            protocol,
            transport: Arc::new(transport),
            patience: Patience {
                first: Duration::from_millis(limits.first_ms),
                silence: Duration::from_millis(limits.silence_ms),
            },
            clock: Arc::clone(clock),
        },
        breaker: Breaker::new(limits.breaker_failures, Duration::from_millis(limits.breaker_pause_ms)),
        retries: Retries {
            attempts: limits.attempts,
            pause: Duration::from_millis(limits.pause_ms),
            longest: Duration::from_millis(limits.longest_pause_ms),
            call: Duration::from_millis(limits.call_ms),
        },
        chance: chance(),
    })
}

/// The key, unless only recordings are replayed.
fn key(entry: &ModelEntry, env: impl Fn(&str) -> Option<String>) -> Result<Option<Secret>, Fault> {
    let (field, source) = match (&entry.key_env, &entry.key_file) {
        _ if entry.replay.is_some() => return Ok(None),
        (Some(name), _) => ("key_env", KeySource::Env(name.clone())),
        (None, Some(path)) => ("key_file", KeySource::File(path.clone())),
        (None, None) => return Ok(None),
    };
    source.read(env).map(Some).map_err(|error| (field, error.to_string()))
}

fn scripted(entry: &ModelEntry) -> Result<Scripted, Fault> {
    let path = entry.script.clone().unwrap_or_default();
    let text =
        std::fs::read_to_string(&path).map_err(|error| ("script", format!("{}: {error}", path.display())))?;
    let script =
        Script::read(&text).map_err(|message| ("script", format!("{}: {message}", path.display())))?;
    Ok(Scripted { name: entry.name.clone(), script })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ModelLimits};
    use vanna_actors::ports::model::{Deltas, ModelRequest, ModelSettings};
    use vanna_actors::runtime::SystemClock;

    fn clock() -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    fn entry(name: &str, provider: ModelProvider) -> ModelEntry {
        ModelEntry {
            name: name.into(),
            provider,
            model: "m".into(),
            base_url: Some("http://127.0.0.1:9/v1/".into()),
            key_env: None,
            key_file: None,
            script: None,
            record: None,
            replay: None,
            limits: ModelLimits::default(),
        }
    }

    #[test]
    fn without_models_there_is_none() {
        assert!(models(&Config::default().models, &clock()).unwrap().is_none());
    }

    #[test]
    fn a_key_that_is_lacking_is_told_by_the_entry_that_wants_it() {
        let first = entry("a", ModelProvider::OpenaiCompatible);
        let second =
            ModelEntry { key_env: Some("VANNA_NO_SUCH_KEY".into()), ..entry("b", ModelProvider::Anthropic) };
        let error = models(&[first, second], &clock()).err().unwrap().to_string();
        assert!(
            error.starts_with("models[1].key_env: the environment variable VANNA_NO_SUCH_KEY"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_chain_of_the_configured_models_answers() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("rules.yaml");
        std::fs::write(&script, "- text: done").unwrap();
        let mut down = entry("down", ModelProvider::OpenaiCompatible);
        down.limits.attempts = 1;
        let scripted = ModelEntry { script: Some(script), ..entry("demo", ModelProvider::Scripted) };
        let model = models(&[down, scripted], &clock()).unwrap().unwrap();
        let request = ModelRequest {
            system: String::new(),
            messages: Vec::new(),
            tools: Vec::new(),
            settings: ModelSettings::default(),
        };
        assert_eq!(model.mark(&request).provider, "down");
        let answer = model.call(&request, &Deltas::ignored()).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.mark.provider.as_str()), ("done", "demo"));
        assert_eq!(answer.passed_over[0].failure.code, "model_unreachable");
    }
}
