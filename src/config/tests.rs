//! Promises of the configuration.

use super::{Config, ConfigError, SourceKind};
use std::path::Path;

fn load(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.db"), "").unwrap();
    std::fs::write(folder.path().join("shop.yaml"), "").unwrap();
    let file = folder.path().join("vanna.toml");
    std::fs::write(&file, text).unwrap();
    Config::load_with(Some(&file), |_| None)
}

fn refusal(text: &str) -> String {
    load(text).unwrap_err().to_string()
}

#[test]
fn without_a_file_there_is_the_sample_on_loopback() {
    let config = Config::default();
    assert!(config.check().is_ok());
    assert!(config.bind_address().unwrap().ip().is_loopback());
    assert!(config.sources.is_empty() && config.access.is_empty() && !config.allow_open);
}

#[test]
fn every_key_can_be_set() {
    let config = load(
        r#"
        addr = "0.0.0.0:9000"
        data = "/srv/vanna"
        prefix = "/v3"
        as_of = 2025-12-31
        allow_open = false
        [limits]
        rows = 10
        streams = 5
        [archive]
        enabled = false
        dir = "kept"
        [[access]]
        token = "0123456789abcdef"
        tenant = "acme"
        principal = "ann"
        [[sources]]
        name = "shop"
        kind = "sqlite"
        path = "shop.db"
        model = "shop.yaml"
        "#,
    )
    .unwrap();
    assert_eq!(config.as_of, Some("2025-12-31".parse().unwrap()));
    assert_eq!((config.limits.rows, config.limits.connections), (10, 2_000));
    assert_eq!(config.sources[0].kind, SourceKind::Sqlite);
    assert!(
        config.sources[0].path.as_ref().unwrap().is_absolute(),
        "relative to the file, not to the working directory"
    );
    assert_eq!(config.data, Path::new("/srv/vanna"));
    assert!(!config.archive.enabled && config.archive_dir().is_absolute());
    assert_eq!(Config::default().archive_dir(), Config::default().data.join("archive"));
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_a_guess() {
    let refusal = refusal("prefix = \"/v3\"\n[limits]\n  rowz = 10\n");
    assert!(refusal.contains("vanna.toml:3:3: unknown field `rowz`"), "{refusal}");
    assert!(refusal.ends_with("did you mean `rows`?"), "{refusal}");
}

#[test]
fn what_is_not_toml_is_refused_with_its_place() {
    assert!(refusal("addr = \n").contains("vanna.toml:1:"), "{}", refusal("addr = \n"));
    assert!(refusal("as_of = \"soon\"").contains("such as 2025-12-31"));
}

#[test]
fn a_network_address_needs_tokens_or_an_explicit_word() {
    assert!(refusal("addr = \"0.0.0.0:80\"").contains("[[access]]"));
    assert!(refusal("addr = \"[::]:80\"").contains("allow_open"));
    assert!(load("addr = \"0.0.0.0:80\"\nallow_open = true").is_ok());
    assert!(load("addr = \"localhost:80\"").is_ok());
    assert!(refusal("addr = \"somewhere\"").contains("ADDRESS:PORT"));
}

#[test]
fn tokens_are_long_unique_and_never_printed() {
    let entry = |token: &str| format!("[[access]]\ntoken = \"{token}\"\ntenant = \"a\"\nprincipal = \"b\"\n");
    assert!(refusal(&entry("short")).contains("access[0].token: a token is at least 16"));
    let twice = format!("{}{}", entry("0123456789abcdef"), entry("0123456789abcdef"));
    assert!(refusal(&twice).contains("access[1].token: the same token"));
    let config = load(&entry("0123456789abcdef")).unwrap();
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
}

#[test]
fn values_that_cannot_be_used_are_named() {
    assert!(refusal("prefix = \"v3/\"").starts_with("prefix:"));
    assert!(refusal("prefix = \"/{id}\"").starts_with("prefix:"));
    assert!(refusal("[limits]\nrows = 0").starts_with("limits.rows:"));
    let source = "[[sources]]\nname = \"shop\"\npath = \"shop.db\"\nmodel = \"missing.yaml\"";
    assert!(refusal(source).starts_with("sources[0].model:"));
    assert!(
        refusal("[[sources]]\nname = \"x\"\nkind = \"oracle\"\npath = \"a\"\nmodel = \"b\"")
            .contains("oracle")
    );
}

#[test]
fn the_environment_overrides_the_file() {
    let env = |name: &str| match name {
        "VANNA_ADDR" => Some("127.0.0.1:1".to_owned()),
        "VANNA_DATA" => Some("elsewhere".to_owned()),
        _ => None,
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vanna.toml");
    std::fs::write(&file, "addr = \"127.0.0.1:2\"\ndata = \"here\"").unwrap();
    let config = Config::load_with(Some(&file), env).unwrap();
    assert_eq!((config.addr.as_str(), config.data.as_path()), ("127.0.0.1:1", Path::new("elsewhere")));
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let missing = Config::load_with(Some(Path::new("no-such-file.toml")), |_| None).unwrap_err();
    assert!(missing.to_string().contains("no-such-file.toml"), "{missing}");
}

#[test]
fn values_of_callers_are_simple_and_have_names_of_their_own() {
    let entry = |principal: &str, more: &str| {
        format!(
            "[[access]]\ntoken = \"a-long-text-for-{principal}-{}\"\ntenant = \"a\"\nprincipal = \"{principal}\"\n\
             attributes = {{ {more} }}\n",
            more.len()
        )
    };
    let config = load(&entry("ann", "region = \"north\", shops = [3, 4], senior = true")).unwrap();
    assert_eq!(config.access[0].attributes["shops"], serde_json::json!([3, 4]));
    assert!(
        refusal(&entry("ann", "tenant = \"b\"")).contains("access[0].attributes.tenant: every caller has")
    );
    for more in ["rate = 0.5", "day = 2025-01-01", "deep = [[1]]", "some = { a = 1 }"] {
        assert!(refusal(&entry("ann", more)).contains("it must be a text, a whole number"), "{more}");
    }
    assert!(refusal(&entry("ann", "\"a b\" = 1")).contains("letters, digits and _"));
    let twice = entry("ann", "shop = 1") + &entry("ann", "shop = 22");
    assert!(refusal(&twice).contains("access[1].attributes.shop: another token"));
}
