//! What the account of the service may do beyond reading.

/// Privileges that change nothing.
const HARMLESS: [&str; 9] = [
    "USAGE",
    "SELECT",
    "SHOW VIEW",
    "SHOW DATABASES",
    "PROCESS",
    "EXECUTE",
    "REPLICATION CLIENT",
    "BINLOG MONITOR",
    "SLAVE MONITOR",
];

/// Whether a line of `SHOW GRANTS` lets the account change anything.
pub(super) fn may_write(line: &str) -> bool {
    // Without ON it gives a role or a password; what a role may do has lines of its own.
    let Some((given, _)) = line.strip_prefix("GRANT ").and_then(|rest| rest.split_once(" ON ")) else {
        return false;
    };
    let mut depth = 0_u32;
    let outside = given.chars().filter(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    });
    let privileges: String = outside.collect();
    privileges.split(',').any(|privilege| !HARMLESS.contains(&privilege.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_no_writing() {
        for line in [
            "GRANT USAGE ON *.* TO `reader`@`%` IDENTIFIED BY PASSWORD '*0'",
            "GRANT SELECT, SHOW VIEW ON `shop`.* TO `reader`@`%`",
            "GRANT SELECT (`id`, `insert`) ON `shop`.`orders` TO `reader`@`%`",
            "GRANT `analyst`@`%` TO `reader`@`%`",
        ] {
            assert!(!may_write(line), "{line}");
        }
        for line in [
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION",
            "GRANT SELECT, INSERT ON `shop`.* TO `app`@`%`",
            "GRANT SELECT, UPDATE (`note`) ON `shop`.`orders` TO `app`@`%`",
            "GRANT FILE ON *.* TO `app`@`%`",
        ] {
            assert!(may_write(line), "{line}");
        }
    }
}
