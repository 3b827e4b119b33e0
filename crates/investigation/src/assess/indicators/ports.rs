//! Ports as the data file spells them: `tcp/51413`, `udp/6881-6889`.

use serde::Deserialize;

use crate::evidence::TransportProtocol;

/// Ports `from..=to` of one transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PortRange {
    /// TCP or UDP.
    pub transport: TransportProtocol,
    /// First port.
    pub from: u16,
    /// Last port.
    pub to: u16,
}

impl PortRange {
    /// Whether the port lies in it.
    pub fn holds(&self, transport: TransportProtocol, port: u16) -> bool {
        self.transport == transport && (self.from..=self.to).contains(&port)
    }
}

impl TryFrom<String> for PortRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a port such as \"tcp/51413\" or \"udp/6881-6889\"");
        let (transport, ports) = text.split_once('/').ok_or_else(wrong)?;
        let transport = match transport {
            "tcp" => TransportProtocol::Tcp,
            "udp" => TransportProtocol::Udp,
            _ => return Err(wrong()),
        };
        let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
        let (from, to): (u16, u16) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
        if from == 0 || from > to {
            return Err(wrong());
        }
        Ok(Self { transport, from, to })
    }
}
