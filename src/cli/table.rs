//! Plain text tables for people.

use std::fmt::Write as _;

/// Widest column that is printed; longer cells are cut.
const WIDEST: usize = 60;

/// Columns aligned, numbers to the right.
pub(super) fn render(columns: &[String], rows: &[Vec<String>], numeric: &[bool]) -> String {
    let cut = |cell: &String| -> String {
        let clean: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if clean.chars().count() > WIDEST {
            clean.chars().take(WIDEST - 1).chain(['…']).collect()
        } else {
            clean
        }
    };
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(cut).collect()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let longest = cells.iter().filter_map(|row| row.get(index)).map(|c| c.chars().count()).max();
            longest.unwrap_or(0).max(name.chars().count())
        })
        .collect();
    let mut out = String::new();
    line(&mut out, columns, &widths, numeric);
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    line(&mut out, &rules, &widths, numeric);
    for row in &cells {
        line(&mut out, row, &widths, numeric);
    }
    out
}

fn line(out: &mut String, cells: &[String], widths: &[usize], numeric: &[bool]) {
    let padded: Vec<String> = cells
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(index, (cell, width))| {
            let right = numeric.get(index).copied().unwrap_or(false);
            if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        })
        .collect();
    let _ = writeln!(out, "{}", padded.join("  ").trim_end());
}
