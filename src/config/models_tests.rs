//! Promises of the configuration of models.

use super::{Config, ModelProvider};

/// The configuration of `[[models]]` with these lines, beside a file `rules.yaml`.
fn load(lines: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), "[]").unwrap();
    let file = folder.path().join("vanna.toml");
    std::fs::write(&file, format!("[[models]]\nname = \"a\"\n{lines}")).unwrap();
    Config::load_with(Some(&file), |_| None).map_err(|error| error.to_string())
}

fn address(lines: &str) -> String {
    load(lines).unwrap().models[0].address().to_owned()
}

#[test]
fn every_provider_can_be_configured() {
    let keyed = |provider: &str| format!("provider = \"{provider}\"\nmodel = \"m\"\nkey_env = \"KEY\"");
    assert_eq!(address(&keyed("openai")), "https://api.openai.com/v1");
    assert_eq!(address(&keyed("anthropic")), "https://api.anthropic.com");
    assert_eq!(address(&keyed("gemini")), "https://generativelanguage.googleapis.com");
    let ollama =
        "provider = \"openai_compatible\"\nmodel = \"qwen3:8b\"\nbase_url = \"http://127.0.0.1:11434/v1/\"";
    assert_eq!(address(ollama), "http://127.0.0.1:11434/v1");
    let limits = "\n[models.limits]\ncall_ms = 5000\nattempts = 2";
    let config = load(&format!("{ollama}{limits}")).unwrap();
    assert_eq!((config.models[0].limits.call_ms, config.models[0].limits.first_ms), (5_000, 60_000));
    let scripted = load("provider = \"scripted\"\nscript = \"rules.yaml\"").unwrap();
    assert_eq!(scripted.models[0].provider, ModelProvider::Scripted);
    assert!(scripted.models[0].script.as_ref().unwrap().is_absolute(), "relative to the file");
}

#[test]
fn what_cannot_be_used_is_named() {
    let openai = "provider = \"openai\"\nmodel = \"m\"\nkey_env = \"KEY\"\n";
    let gemini = "provider = \"gemini\"\nkey_env = \"KEY\"\nmodel = \"models/g\"";
    let limits = |line: &str| format!("{openai}[models.limits]\n{line}");
    let url = |url: &str| format!("{openai}base_url = \"{url}\"");
    for (lines, refusal) in [
        ("provider = \"openai\"\nkey_env = \"KEY\"".into(), "models[0].model: is missing"),
        ("provider = \"openai\"\nmodel = \"a b\"\nkey_env = \"KEY\"".into(), "models[0].model: may hold"),
        (gemini.into(), "models[0].model: is the name alone"),
        ("provider = \"openai\"\nmodel = \"m\"".into(), "models[0].key_env: is missing"),
        (format!("{openai}key_file = \"key\""), "models[0].key_env: is given together"),
        ("provider = \"openai_compatible\"\nmodel = \"m\"".into(), "models[0].base_url: is missing"),
        (url("nowhere"), "models[0].base_url: is not an address"),
        (url("ftp://host"), "models[0].base_url: must begin"),
        (url("https://me:secret@host/v1"), "models[0].base_url: must not hold"),
        (url("https://host/v1?key=secret"), "models[0].base_url: must end"),
        ("provider = \"scripted\"".into(), "models[0].script: is missing"),
        ("provider = \"scripted\"\nscript = \"no.yaml\"".into(), "models[0].script: is not there"),
        (format!("{openai}script = \"rules.yaml\""), "models[0].script: is only for"),
        (format!("{openai}replay = \"nowhere\""), "models[0].replay: is not a folder"),
        (format!("{openai}replay = \".\"\nrecord = \".\""), "models[0].replay: is given together"),
        (limits("attempts = 0"), "models[0].limits.attempts: must be at least 1"),
        (limits("attempts = 11"), "models[0].limits.attempts: must be at most 10"),
        (limits("silence_ms = 0"), "models[0].limits.silence_ms: must be at least 1"),
        (format!("{openai}[[models]]\nname = \"a\"\n{openai}"), "models[1].name: is there twice"),
    ] {
        let told = load(&lines).unwrap_err();
        assert!(told.starts_with(refusal), "{lines}\ngives {told}");
        assert!(!told.contains("secret"), "{told}");
    }
    let key = load(&format!("{openai}key = \"sk-1\"")).unwrap_err();
    assert!(key.contains("unknown field `key`") && !key.contains("sk-1"), "{key}");
}

#[test]
fn a_replay_needs_no_key() {
    assert!(load("provider = \"anthropic\"\nmodel = \"m\"\nreplay = \".\"").is_ok());
}
