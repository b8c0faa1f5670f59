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

/// UTF-8, or UTF-16 with a byte order mark, as spreadsheets write it.
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
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text
            .strip_prefix('\u{feff}')
            .map(str::to_owned)
            .unwrap_or(text)),
        Err(e) => {
            let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
            let line = before.iter().filter(|b| **b == b'\n').count() + 1;
            Err(format!(
                "line {line} is not UTF-8: save it as UTF-8 (in Excel: \"CSV UTF-8\")"
            ))
        }
    }
}
