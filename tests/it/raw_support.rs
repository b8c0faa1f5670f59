//! HTTP as bytes on a socket: incomplete and malformed requests, and their answers.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any deadline of the server's.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub async fn connect(address: &str) -> TcpStream {
    TcpStream::connect(address).await.expect("a connection")
}

/// Connects and sends the beginning of a request, or all of it.
pub async fn begin(address: &str, text: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = connect(address).await;
    stream.write_all(text.as_ref()).await.expect("a write");
    stream
}

/// The head of a POST.
pub fn head(path: &str, headers: &[&str]) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        headers
            .iter()
            .map(|h| format!("{h}\r\n"))
            .collect::<String>()
    )
}

/// Reads one answer with a declared length: its status and its whole text.
pub async fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut text = Vec::new();
    let read = async {
        loop {
            let mut piece = [0; 4096];
            let length = stream
                .read(&mut piece)
                .await
                .expect("an answer, not a reset");
            assert!(
                length > 0,
                "closed after {:?}",
                String::from_utf8_lossy(&text)
            );
            text.extend_from_slice(&piece[..length]);
            if is_whole(&String::from_utf8_lossy(&text)) {
                return;
            }
        }
    };
    timeout(PATIENCE, read).await.expect("an answer in time");
    let text = String::from_utf8_lossy(&text).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    (
        status.unwrap_or_else(|| panic!("no status in {text:?}")),
        text,
    )
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_none_or(|length| body.len() >= length)
}

/// Reads until the other side closes or resets.
pub async fn until_closed(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut text)).await;
    assert!(read.is_ok(), "the connection is still open");
    String::from_utf8_lossy(&text).into_owned()
}
