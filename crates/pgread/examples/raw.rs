//! The yardstick of the benchmarks: sends one SELECT as the reader does (unnamed messages of the extended
//! protocol, a result format for each column), counts the rows and throws them away. What it takes is what
//! PostgreSQL and the socket take: it is woken for pieces as large as the reader is, and reads ahead under TLS.
//!
//! `raw ADDRESS USER DATABASE FORMATS STATEMENT [CA]`, where FORMATS is a `t` (text) or `b` (binary) for each
//! column. With a file of certificates it encrypts and verifies. The server must let the user in by trust.
//! Prints one line of JSON: rows, bytes and the seconds it took.

use bytes::BytesMut;
use openssl::ssl::{SslConnector, SslMethod};
use postgres_protocol::message::frontend;
use std::{
    env,
    error::Error,
    io::{self, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

const READ_CHUNK_BYTES: usize = 512 << 10;
const PATIENCE: Duration = Duration::from_millis(5);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let ([address, user, database, formats, statement], ca) = (match arguments.as_slice() {
        [five @ .., ca] if five.len() == 5 => (five, Some(ca)),
        all => (all, None),
    }) else {
        return Err("usage: raw ADDRESS USER DATABASE FORMATS STATEMENT [CA]".into());
    };
    let formats: Vec<i16> = formats.chars().map(|format| i16::from(format == 'b')).collect();

    #[allow(clippy::disallowed_methods, reason = "dials what its operator names; no part of the product")]
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let own = socket.try_clone()?;
    let mut stream: Box<dyn Stream> = match ca {
        None => Box::new(Ahead(BufReader::with_capacity(READ_CHUNK_BYTES, socket))),
        Some(ca) => {
            let mut request = BytesMut::new();
            frontend::ssl_request(&mut request);
            socket.write_all(&request)?;
            let mut answer = [0];
            socket.read_exact(&mut answer)?;
            let mut connector = SslConnector::builder(SslMethod::tls_client())?;
            connector.set_ca_file(ca)?;
            let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
            let ahead = Ahead(BufReader::with_capacity(READ_CHUNK_BYTES, socket));
            Box::new(connector.build().connect(host, ahead)?)
        }
    };
    let mut output = BytesMut::new();
    frontend::startup_message([("user", user.as_str()), ("database", database.as_str())], &mut output)?;
    stream.write_all(&output)?;
    until_ready(&mut stream)?;
    mycorr_egress::wake_at(&own, READ_CHUNK_BYTES)?;
    own.set_read_timeout(Some(PATIENCE))?;

    let started = Instant::now();
    output.clear();
    frontend::parse("", statement, [], &mut output)?;
    frontend::bind("", "", [], [(); 0], |(), _| unreachable!("no parameters"), formats, &mut output)
        .map_err(|_| "too many columns")?;
    frontend::describe(b'P', "", &mut output)?;
    frontend::execute("", 0, &mut output)?;
    frontend::sync(&mut output);
    stream.write_all(&output)?;
    let (rows, bytes) = until_ready(&mut stream)?;
    let seconds = started.elapsed().as_secs_f64();
    writeln!(io::stdout(), r#"{{"rows":{rows},"bytes":{bytes},"seconds":{seconds:.4}}}"#)?;
    Ok(())
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// A socket of which whatever has arrived is read, and read again when that is nothing.
#[derive(Debug)]
struct Ahead(BufReader<TcpStream>);

impl Read for Ahead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(out) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }
}

impl Write for Ahead {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}

/// Reads up to and with ReadyForQuery, looking at nothing but the head of each message (a byte of kind, four
/// bytes of length that count themselves). How many DataRow messages there were, and bytes in all.
fn until_ready(stream: &mut impl Read) -> Result<(u64, u64), Box<dyn Error>> {
    let mut buffer = vec![0; 1 << 20];
    let (mut filled, mut rows, mut bytes) = (0, 0, 0);
    // How much of a message that is longer than what was read is still to come.
    let mut skip = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        bytes += read as u64;
        filled += read;
        let mut at = skip.min(filled);
        skip -= at;
        while let Some(&[kind, a, b, c, d]) = buffer[at..filled].first_chunk() {
            let length = 1 + u32::from_be_bytes([a, b, c, d]) as usize;
            // Only these two are looked into: they must be there as a whole.
            if matches!(kind, b'E' | b'R') && at + length > filled {
                break;
            }
            match kind {
                b'D' => rows += 1,
                b'Z' => return Ok((rows, bytes)),
                b'E' => return Err(String::from_utf8_lossy(&buffer[at..filled]).into_owned().into()),
                b'R' if buffer[at + 5..at + length] != [0; 4] => {
                    return Err("the server asks for a password; it must let the user in by trust".into());
                }
                _ => {}
            }
            skip = (at + length).saturating_sub(filled);
            at = filled.min(at + length);
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
}
