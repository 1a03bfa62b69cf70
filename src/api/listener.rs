//! Listening.

use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// What the system may hold for a client that does not read.
const SEND_BUFFER: u32 = 256 * 1024;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A listener at `addr`. What it accepts has a bounded send buffer: a client that does not read
/// holds little.
pub fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}
