//! Reading the configuration: file, then environment, then checks.

use super::error::ConfigError;
use super::file::Config;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Read when no file is named, if it is there.
const DEFAULT_FILE: &str = "vanna.toml";

impl Config {
    /// The configuration of `path`, or of `vanna.toml` in the working directory if that is there,
    /// or the default. `VANNA_ADDR` and `VANNA_DATA` override the file.
    pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
        Config::load_with(path, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// The same with the environment given.
    pub(super) fn load_with(
        path: Option<&Path>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Config, ConfigError> {
        let mut config = match (path, std::fs::read_to_string(path.unwrap_or(Path::new(DEFAULT_FILE)))) {
            (Some(path), Ok(text)) => parse(path, &text)?,
            (None, Ok(text)) => parse(Path::new(DEFAULT_FILE), &text)?,
            (None, Err(cause)) if cause.kind() == ErrorKind::NotFound => Config::default(),
            (path, Err(cause)) => {
                let path = path.unwrap_or(Path::new(DEFAULT_FILE)).into();
                return Err(ConfigError::Unreadable { path, cause });
            }
        };
        if let Some(addr) = env("VANNA_ADDR") {
            config.addr = addr;
        }
        if let Some(data) = env("VANNA_DATA") {
            config.data = data.into();
        }
        config.check()?;
        Ok(config)
    }
}

fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let mut config: Config = toml::from_str(text).map_err(|error| invalid(path, text, &error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside = |relative: &mut PathBuf| *relative = folder.join(&*relative);
    if toml::from_str::<toml::Table>(text).is_ok_and(|keys| keys.contains_key("data")) {
        beside(&mut config.data);
    }
    config.archive.dir.iter_mut().for_each(beside);
    for source in &mut config.sources {
        let files = [&mut source.path, &mut source.url_file, &mut source.model, &mut source.policy];
        files.into_iter().flatten().for_each(beside);
    }
    for model in &mut config.models {
        let files = [&mut model.key_file, &mut model.script, &mut model.record, &mut model.replay];
        files.into_iter().flatten().for_each(beside);
    }
    Ok(config)
}

fn invalid(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    ConfigError::Invalid {
        path: path.into(),
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        message: error.message().into(),
        hint: hint(error.message()).unwrap_or_default(),
    }
}

/// The known key that is closest to an unknown one. Serde names the unknown key first.
fn hint(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next().filter(|_| message.starts_with("unknown "))?;
    let near = |known: &&str| strsim::jaro_winkler(unknown, known);
    let best = quoted.max_by(|a, b| near(a).total_cmp(&near(b)))?;
    (near(&best) > 0.75).then(|| format!("; did you mean `{best}`?"))
}
