//! Rows of `COPY … TO STDOUT (FORMAT binary)`.

use super::connection::PostgresError;
use futures::{StreamExt, pin_mut};
use tokio_postgres::Transaction;

const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// All rows of one read, as the server sent them.
pub(super) struct Rows {
    bytes: Vec<u8>,
}

/// One row: its fields in order.
pub(super) struct Row<'a> {
    fields: Vec<Option<&'a [u8]>>,
}

impl Rows {
    pub(super) async fn read(transaction: &Transaction<'_>, query: &str) -> Result<Self, PostgresError> {
        let stream = transaction.copy_out(&format!("COPY ({query}) TO STDOUT (FORMAT binary)")).await?;
        pin_mut!(stream);
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(Self { bytes })
    }

    /// Gives each row to `take`.
    pub(super) fn each<'a>(
        &'a self,
        mut take: impl FnMut(&Row<'a>) -> Result<(), PostgresError>,
    ) -> Result<(), PostgresError> {
        let cut = PostgresError::Form("a row is cut off");
        let mut rest = self.bytes.strip_prefix(HEAD).and_then(|rest| rest.get(4..));
        let extension = rest.and_then(number::<4>).ok_or(cut)?;
        rest = rest.and_then(|rest| rest.get(4 + usize::try_from(extension).ok()?..));
        let mut row = Row { fields: Vec::new() };
        loop {
            let cut = || PostgresError::Form("a row is cut off");
            let now = rest.ok_or_else(cut)?;
            let count = number::<2>(now).ok_or_else(cut)?;
            let mut now = now.get(2..).ok_or_else(cut)?;
            if count < 0 {
                return Ok(());
            }
            row.fields.clear();
            for _ in 0..count {
                let length = number::<4>(now).ok_or_else(cut)?;
                now = now.get(4..).ok_or_else(cut)?;
                match usize::try_from(length) {
                    Err(_) => row.fields.push(None),
                    Ok(length) => {
                        row.fields.push(Some(now.get(..length).ok_or_else(cut)?));
                        now = now.get(length..).ok_or_else(cut)?;
                    }
                }
            }
            take(&row)?;
            rest = Some(now);
        }
    }
}

/// A number of `N` bytes, the highest first.
fn number<const N: usize>(bytes: &[u8]) -> Option<i64> {
    let bytes = bytes.get(..N)?;
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    Some(bytes.iter().fold(if negative { -1 } else { 0 }, |sum, byte| (sum << 8) | i64::from(*byte)))
}

impl<'a> Row<'a> {
    fn field(&self, at: usize) -> Option<&'a [u8]> {
        self.fields.get(at).copied().flatten()
    }

    /// A text, or nothing.
    pub(super) fn optional(&self, at: usize) -> Result<Option<&'a str>, PostgresError> {
        let text = self.field(at).map(std::str::from_utf8).transpose();
        text.map_err(|_| PostgresError::Form("a text is not UTF-8"))
    }

    pub(super) fn text(&self, at: usize) -> Result<&'a str, PostgresError> {
        self.optional(at)?.ok_or(PostgresError::Form("a name is absent"))
    }

    /// A number of two, four or eight bytes. Oids are numbers without a sign.
    pub(super) fn number(&self, at: usize) -> Result<i64, PostgresError> {
        let field = self.field(at);
        let found = field.and_then(|bytes| match bytes.len() {
            2 => number::<2>(bytes),
            4 => number::<4>(bytes),
            8 => number::<8>(bytes),
            _ => None,
        });
        found.ok_or(PostgresError::Form("a number is absent"))
    }

    pub(super) fn oid(&self, at: usize) -> Result<u32, PostgresError> {
        let oid = self.number(at)? & i64::from(u32::MAX);
        u32::try_from(oid).map_err(|_| PostgresError::Form("an oid is too large"))
    }

    pub(super) fn flag(&self, at: usize) -> bool {
        self.field(at) == Some(&[1])
    }

    /// Numbers of a vector or array, which come as text.
    pub(super) fn numbers(&self, at: usize) -> Result<Vec<i64>, PostgresError> {
        let text = self.optional(at)?.unwrap_or_default();
        let parts = text.split([' ', ',', '{', '}']).filter(|part| !part.is_empty());
        let numbers: Result<_, _> = parts.map(str::parse).collect();
        numbers.map_err(|_| PostgresError::Form("a list holds something else than numbers"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(body: &[u8]) -> Rows {
        Rows { bytes: [HEAD, &[0; 8], body].concat() }
    }

    #[test]
    fn rows_are_read_as_they_were_sent() {
        let body =
            [&[0, 3][..], &[0, 0, 0, 2], b"hi", &[255; 4], &[0, 0, 0, 4, 255, 255, 255, 254], &[255, 255]];
        let rows = rows(&body.concat());
        let mut seen = 0;
        rows.each(|row| {
            seen += 1;
            assert_eq!(row.text(0).unwrap(), "hi");
            assert_eq!(row.optional(1).unwrap(), None);
            assert_eq!(row.number(2).unwrap(), -2);
            assert_eq!(row.oid(2).unwrap(), u32::MAX - 1);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, 1);
    }

    #[test]
    fn what_is_cut_off_is_refused_at_every_byte() {
        let whole = [&[0, 1][..], &[0, 0, 0, 2], b"hi", &[255, 255]].concat();
        assert!(rows(&whole).each(|_| Ok(())).is_ok());
        for length in 0..whole.len() {
            assert!(rows(whole.get(..length).unwrap()).each(|_| Ok(())).is_err(), "{length} bytes");
        }
    }
}
