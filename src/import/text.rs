//! From the bytes of a file to its text: which encoding they are in, and a reader that decodes them piece by piece.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Takes the place of bytes that can't be decoded. It is a noncharacter, so no text contains it.
pub const BROKEN: char = '\u{fdd0}';

/// How much of the beginning shows what a file is, in bytes.
const HEAD_BYTES: usize = 512;
/// How many bytes are decoded at once.
const PIECE_BYTES: usize = 32 * 1024;

/// The encoding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[strum(serialize = "utf-8")]
    Utf8,
    /// UTF-16, little-endian.
    #[strum(serialize = "utf-16le")]
    Utf16Le,
    /// UTF-16, big-endian.
    #[strum(serialize = "utf-16be")]
    Utf16Be,
    /// Windows-1252, which contains ISO-8859-1.
    #[strum(serialize = "windows-1252")]
    Windows1252,
}

impl Encoding {
    fn decoder(self) -> Decoder {
        match self {
            Self::Utf8 => UTF_8,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
            Self::Windows1252 => WINDOWS_1252,
        }
        .new_decoder_with_bom_removal()
    }
}

/// Finds out the encoding while the bytes arrive.
#[derive(Debug, Default)]
pub struct Detector {
    head: Vec<u8>,
    /// A character that is not complete yet.
    rest: Vec<u8>,
    /// Characters that take several bytes in UTF-8.
    long_characters: u64,
    /// Places that are not UTF-8.
    broken: u64,
    has_nul: bool,
}

impl Detector {
    /// Takes the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(missing));
        self.has_nul |= bytes.contains(&0);
        let mut joined = std::mem::take(&mut self.rest);
        joined.extend_from_slice(bytes);
        let mut left = joined.as_slice();
        loop {
            let Err(error) = std::str::from_utf8(left) else {
                self.count_long(left);
                return;
            };
            let (valid, after) = left.split_at(error.valid_up_to());
            self.count_long(valid);
            let Some(length) = error.error_len() else {
                self.rest = after.to_vec();
                return;
            };
            self.broken += 1;
            left = &after[length..];
        }
    }

    fn count_long(&mut self, text: &[u8]) {
        self.long_characters += text.iter().filter(|byte| **byte >= 0xc0).count() as u64;
    }

    /// The encoding, once all bytes are there.
    ///
    /// # Errors
    /// Returns what the file is instead of text, and what to do.
    pub fn finish(&self) -> Result<Encoding, String> {
        if let Some(what) = not_text(&self.head) {
            return Err(what);
        }
        match self.head.as_slice() {
            [0xff, 0xfe, ..] => return Ok(Encoding::Utf16Le),
            [0xfe, 0xff, ..] => return Ok(Encoding::Utf16Be),
            _ => {}
        }
        if self.has_nul {
            return match wide_without_mark(&self.head) {
                Some(encoding) => Ok(encoding),
                None => Err(format!("The file is not text. {SAVE_AS}")),
            };
        }
        let broken = self.broken + u64::from(!self.rest.is_empty());
        // A UTF-8 file with a few damaged rows still has more good characters than damaged ones.
        if broken == 0 || self.long_characters >= broken {
            Ok(Encoding::Utf8)
        } else {
            Ok(Encoding::Windows1252)
        }
    }
}

/// What to do with a file that is not text.
const SAVE_AS: &str =
    "Save it as CSV (in Excel: \"CSV UTF-8 (Comma delimited)\") and import that file.";

/// What a file is, if its first bytes are those of a known format that is not text.
fn not_text(head: &[u8]) -> Option<String> {
    let what = match head {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => "an Excel workbook (.xlsx) or a ZIP archive",
        [0xd0, 0xcf, 0x11, 0xe0, ..] => "an Excel workbook (.xls)",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        [0x1f, 0x8b, ..] => "a compressed file",
        _ => return None,
    };
    Some(format!("The file is {what}, not text. {SAVE_AS}"))
}

/// UTF-16 without a byte order mark: every second byte of Western text is zero.
fn wide_without_mark(head: &[u8]) -> Option<Encoding> {
    let zeros = |from: usize| {
        head.iter()
            .skip(from)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let pairs = head.len() / 2;
    if even == 0 && odd * 4 >= pairs * 3 && pairs > 0 {
        Some(Encoding::Utf16Le)
    } else if odd == 0 && even * 4 >= pairs * 3 && pairs > 0 {
        Some(Encoding::Utf16Be)
    } else {
        None
    }
}

/// Decodes a reader to UTF-8, in bounded memory.
pub struct Decoded<R> {
    from: R,
    decoder: Decoder,
    input: Vec<u8>,
    /// What is read and not decoded yet.
    undecoded: std::ops::Range<usize>,
    ended: bool,
    /// The decoder has handed out its last character and must not be used again.
    finished: bool,
    output: String,
    /// How much of the output was handed on.
    taken: usize,
}

impl<R: Read> Decoded<R> {
    /// Decodes `from`.
    pub fn new(from: R, encoding: Encoding) -> Self {
        Self {
            from,
            decoder: encoding.decoder(),
            input: vec![0; PIECE_BYTES],
            undecoded: 0..0,
            ended: false,
            finished: false,
            output: String::with_capacity(4 * PIECE_BYTES),
            taken: 0,
        }
    }

    /// Decodes the next piece into the empty output.
    fn fill(&mut self) -> io::Result<()> {
        if self.undecoded.is_empty() && !self.ended {
            let length = self.from.read(&mut self.input)?;
            self.undecoded = 0..length;
            self.ended = length == 0;
        }
        let input = &self.input[self.undecoded.clone()];
        let (result, read) =
            self.decoder
                .decode_to_string_without_replacement(input, &mut self.output, self.ended);
        self.undecoded.start += read;
        match result {
            DecoderResult::Malformed(..) => self.output.push(BROKEN),
            DecoderResult::InputEmpty => self.finished = self.ended,
            DecoderResult::OutputFull => {}
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.output.len() {
            if self.finished {
                return Ok(0);
            }
            self.output.clear();
            self.taken = 0;
            self.fill()?;
        }
        let left = &self.output.as_bytes()[self.taken..];
        let length = left.len().min(to.len());
        to[..length].copy_from_slice(&left[..length]);
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detect(bytes: &[u8]) -> Result<Encoding, String> {
        let mut detector = Detector::default();
        bytes.chunks(7).for_each(|piece| detector.add(piece));
        detector.finish()
    }

    fn decode(bytes: &[u8]) -> String {
        let encoding = detect(bytes).expect("text");
        let mut text = String::new();
        Decoded::new(bytes, encoding)
            .read_to_string(&mut text)
            .expect("UTF-8");
        text
    }

    fn wide(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn encodings_are_told_apart() {
        let text = "Name;Firma\r\nWeißmantel;Käse & Co\r\n";
        let (latin, _, _) = WINDOWS_1252.encode(text);
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), Encoding::Utf8),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), Encoding::Utf8),
            (latin.into_owned(), Encoding::Windows1252),
            (
                wide(&format!("\u{feff}{text}"), u16::to_le_bytes),
                Encoding::Utf16Le,
            ),
            (
                wide(&format!("\u{feff}{text}"), u16::to_be_bytes),
                Encoding::Utf16Be,
            ),
            (wide(text, u16::to_le_bytes), Encoding::Utf16Le),
            (wide(text, u16::to_be_bytes), Encoding::Utf16Be),
        ] {
            assert_eq!(detect(&bytes), Ok(encoding));
            assert_eq!(decode(&bytes), text);
        }
    }

    #[test]
    fn a_damaged_row_does_not_change_the_encoding() {
        let bytes = "id,name\n1,Jörg\n2,?\n".replace('?', "\u{1}").into_bytes();
        let damaged: Vec<u8> = bytes
            .iter()
            .map(|b| if *b == 1 { 0xe4 } else { *b })
            .collect();
        assert_eq!(detect(&damaged), Ok(Encoding::Utf8));
        assert!(decode(&damaged).contains(BROKEN));
    }

    #[test]
    fn a_workbook_is_refused_with_what_to_do() {
        for (head, what) in [
            (&b"PK\x03\x04rest"[..], ".xlsx"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls"),
            (b"%PDF-1.7", "PDF"),
            (b"a\0\0\0b\0\0\0", "not text"),
        ] {
            let said = detect(head).expect_err("not text");
            assert!(
                said.contains(what) && said.contains("Save it as CSV"),
                "{said}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_text_survives(text in "\\PC{0,200}", pieces in 1..50_usize) {
            let mut detector = Detector::default();
            text.as_bytes().chunks(pieces).for_each(|piece| detector.add(piece));
            prop_assert_eq!(detector.finish(), Ok(Encoding::Utf8));
            prop_assert_eq!(decode(text.as_bytes()), text.trim_start_matches('\u{feff}'));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(encoding) = detect(&bytes) {
                let mut text = String::new();
                Decoded::new(bytes.as_slice(), encoding).read_to_string(&mut text).expect("UTF-8");
            }
        }
    }
}
