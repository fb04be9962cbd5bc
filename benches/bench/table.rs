//! A table in Markdown, aligned for the terminal too.

use std::fmt;

/// A heading, rows of equal length, and what is to be said of them.
pub(crate) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
    remark: String,
}

impl Table {
    pub(crate) fn new<const N: usize>(title: &str, columns: [&str; N]) -> Self {
        Table { title: title.to_owned(), rows: vec![columns.map(str::to_owned).to_vec()], remark: String::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(Vec::from(cells));
    }

    /// Said below the table; sentences.
    pub(crate) fn remark(&mut self, text: &str) {
        if !self.remark.is_empty() {
            self.remark.push(' ');
        }
        self.remark.push_str(text);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.rows[0].len())
            .map(|column| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
            .collect();
        writeln!(f, "## {}\n", self.title)?;
        for (i, row) in self.rows.iter().enumerate() {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            writeln!(f, "| {} |", cells.join(" | "))?;
            if i == 0 {
                // The first column is words, the others are numbers.
                let lines = widths.iter().enumerate();
                let lines: Vec<String> = lines
                    .map(|(column, width)| if column == 0 { "-".repeat(*width) } else { "-".repeat(width - 1) + ":" })
                    .collect();
                writeln!(f, "| {} |", lines.join(" | "))?;
            }
        }
        if self.remark.is_empty() { Ok(()) } else { writeln!(f, "\n{}", self.remark) }
    }
}

/// The middle one, and the first and third quartile; of an even number the upper.
pub(crate) fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values.get(values.len() * quarter / 4).copied().unwrap_or(f64::NAN))
}

/// The middle one.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    quartiles(values)[1]
}
