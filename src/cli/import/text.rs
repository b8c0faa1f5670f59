//! From the bytes of a file to its text.

use std::io::Read as _;
use std::path::Path;

/// The largest file that is imported, in bytes.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The whole file, or standard input for `-`.
pub fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|f| f.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.map_err(|e| format!("can't be read: {e}"))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!(
            "is larger than {} MiB: split it",
            FILE_BYTES_MAX / 1024 / 1024
        ));
    }
    Ok(bytes)
}

/// Stands where bytes are no UTF-8. No text has it: Unicode will never make it a character.
pub const BROKEN: char = '\u{fdd0}';

/// UTF-8, or UTF-16 with a byte order mark, as spreadsheets write it. What is no UTF-8 spoils its own row only: [`BROKEN`] stands
/// for it.
pub fn decode(bytes: Vec<u8>) -> Result<String, String> {
    let wide = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..]
            .chunks_exact(2)
            .map(|c| from([c[0], c[1]]))
            .collect();
        String::from_utf16(&units).map_err(|_| "is broken UTF-16: save it as UTF-8".to_owned())
    };
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => return wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => return wide(u16::from_be_bytes),
        _ => {}
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(BROKEN);
        }
    }
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// What is wrong with a line that holds [`BROKEN`].
pub const BROKEN_HELP: &str = "is not UTF-8: save the file as UTF-8 (in Excel: \"CSV UTF-8\")";
