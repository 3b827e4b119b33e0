//! What is sent: the envelopes of the remote shell (MS-WSMV), made of our constants and of ids that were checked.

use std::fmt::Write as _;
use std::time::Duration;

use data_encoding::BASE64;

use super::answer::Id;

const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";

/// Largest answer that is asked for. Every version of Windows sends as much.
const ENVELOPE_SIZE: u32 = 153_600;

/// An abandoned shell, and what runs in it, is ended by the endpoint after this long.
const IDLE: Duration = Duration::from_secs(180);

/// Makes envelopes for one endpoint.
pub(super) struct Envelopes {
    to: String,
}

impl Envelopes {
    /// `to` is the endpoint's address as a URL.
    pub(super) fn new(to: String) -> Self {
        Self { to }
    }

    /// Opens a shell whose programs print UTF-8.
    pub(super) fn create(&self) -> String {
        let options = "<w:Option Name=\"WINRS_NOPROFILE\">TRUE</w:Option>\
                       <w:Option Name=\"WINRS_CODEPAGE\">65001</w:Option>";
        let body = format!(
            "<rsp:Shell><rsp:IdleTimeOut>PT{}S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>\
             <rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>",
            IDLE.as_secs()
        );
        self.envelope(&format!("{TRANSFER}/Create"), None, options, Duration::from_secs(20), &body)
    }

    /// Starts a command line in a shell.
    pub(super) fn command(&self, shell: &Id, line: &str) -> String {
        // A console would echo what is sent, and end it at the first Ctrl-Z.
        let options = "<w:Option Name=\"WINRS_CONSOLEMODE_STDIN\">FALSE</w:Option>\
                       <w:Option Name=\"WINRS_SKIP_CMD_SHELL\">FALSE</w:Option>";
        let body = format!("<rsp:CommandLine><rsp:Command>{}</rsp:Command></rsp:CommandLine>", escaped(line));
        self.envelope(&format!("{SHELL}/Command"), Some(shell), options, Duration::from_secs(20), &body)
    }

    /// A piece of the standard input.
    pub(super) fn send(&self, shell: &Id, command: &Id, bytes: &[u8], is_last: bool) -> String {
        let end = if is_last { " End=\"TRUE\"" } else { "" };
        let body = format!(
            "<rsp:Send><rsp:Stream Name=\"stdin\" CommandId=\"{}\"{end}>{}</rsp:Stream></rsp:Send>",
            command.as_str(),
            BASE64.encode(bytes)
        );
        self.envelope(&format!("{SHELL}/Send"), Some(shell), "", Duration::from_secs(20), &body)
    }

    /// Asks for output. The endpoint answers as soon as there is some, or that there was none for `wait`.
    pub(super) fn receive(&self, shell: &Id, command: &Id, wait: Duration) -> String {
        let body = format!(
            "<rsp:Receive><rsp:DesiredStream CommandId=\"{}\">stdout stderr</rsp:DesiredStream></rsp:Receive>",
            command.as_str()
        );
        self.envelope(&format!("{SHELL}/Receive"), Some(shell), "", wait, &body)
    }

    /// Ends a command: its processes are ended, and what it printed is forgotten.
    pub(super) fn terminate(&self, shell: &Id, command: &Id) -> String {
        let body = format!(
            "<rsp:Signal CommandId=\"{}\"><rsp:Code>{SHELL}/signal/terminate</rsp:Code></rsp:Signal>",
            command.as_str()
        );
        self.envelope(&format!("{SHELL}/Signal"), Some(shell), "", Duration::from_secs(20), &body)
    }

    /// Ends a shell and all that is in it.
    pub(super) fn delete(&self, shell: &Id) -> String {
        self.envelope(&format!("{TRANSFER}/Delete"), Some(shell), "", Duration::from_secs(20), "")
    }

    fn envelope(
        &self,
        action: &str,
        shell: Option<&Id>,
        options: &str,
        wait: Duration,
        body: &str,
    ) -> String {
        let mut text = String::with_capacity(2048 + body.len());
        let (to, id) = (escaped(&self.to), message_id());
        let (seconds, millis) = (wait.as_secs(), wait.subsec_millis());
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
             xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\" \
             xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd\" xmlns:rsp=\"{SHELL}\"><s:Header>\
             <a:To>{to}</a:To><w:ResourceURI s:mustUnderstand=\"true\">{SHELL}/cmd</w:ResourceURI>\
             <a:ReplyTo><a:Address s:mustUnderstand=\"true\">\
             http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>\
             <a:Action s:mustUnderstand=\"true\">{action}</a:Action>\
             <w:MaxEnvelopeSize s:mustUnderstand=\"true\">{ENVELOPE_SIZE}</w:MaxEnvelopeSize>\
             <a:MessageID>uuid:{id}</a:MessageID><w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>\
             <p:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\"/>\
             <w:OperationTimeout>PT{seconds}.{millis:03}S</w:OperationTimeout>"
        );
        if let Some(shell) = shell {
            let _ = write!(
                text,
                "<w:SelectorSet><w:Selector Name=\"ShellId\">{}</w:Selector></w:SelectorSet>",
                shell.as_str()
            );
        }
        if !options.is_empty() {
            let _ = write!(text, "<w:OptionSet>{options}</w:OptionSet>");
        }
        let _ = write!(text, "</s:Header><s:Body>{body}</s:Body></s:Envelope>");
        text
    }
}

/// Text between tags. XML has no way to write most control characters: they are left out.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\t' | '\n' | '\r' => safe.push(c),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

/// A random UUID. It tells messages apart and protects nothing.
fn message_id() -> String {
    let bits = fastrand::u128(..) & !(0xf << 76) & !(0xc << 60) | (0x4 << 76) | (0x8 << 60);
    let hex = format!("{bits:032X}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::winrm::answer::Answer;

    fn id() -> Id {
        Id::read("11111111-2222-3333-4444-555555555555").unwrap()
    }

    #[test]
    fn every_envelope_is_whole_xml() {
        let envelopes = Envelopes::new("http://[fd00::1]:5985/wsman".into());
        let (shell, command) = (id(), id());
        let all = [
            envelopes.create(),
            envelopes.command(&shell, "powershell.exe -Command \"a | b & <c>\u{1}\""),
            envelopes.send(&shell, &command, b"\xff\x00", true),
            envelopes.receive(&shell, &command, Duration::from_millis(1500)),
            envelopes.terminate(&shell, &command),
            envelopes.delete(&shell),
        ];
        for envelope in &all {
            Answer::read(envelope.as_bytes()).unwrap();
        }
        assert!(all[1].contains("&quot;a | b &amp; &lt;c&gt;&quot;<"), "{}", all[1]);
        assert!(all[2].contains("End=\"TRUE\">/wA=<"), "{}", all[2]);
        assert!(all[3].contains("PT1.500S"), "{}", all[3]);
    }

    #[test]
    fn message_ids_are_random_uuids() {
        let (one, two) = (message_id(), message_id());
        assert_ne!(one, two);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert!("89AB".contains(&one[19..20]), "{one}");
    }
}
