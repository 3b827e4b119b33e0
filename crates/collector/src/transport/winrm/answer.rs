//! What comes back: one pass over an envelope that keeps what the remote shell says and refuses what no endpoint
//! sends. The XML is hostile: nothing in it is expanded, and depth and lengths are capped.

use data_encoding::BASE64;
use investigation::text::one_line;
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use thiserror::Error;

/// Deepest nesting. Real answers have about ten levels.
const DEPTH: usize = 64;

/// Longest text that is kept of anything but a stream.
const TEXT: usize = 2048;

const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
const FAULT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault";
const DONE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done";

/// Why an answer cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum Malformed {
    /// XML is text.
    #[error("it is not UTF-8")]
    Encoding,
    /// Not well-formed.
    #[error("it is not well-formed XML: {0}")]
    Xml(String),
    /// Document types and entities of one's own have no place in SOAP.
    #[error("it holds {0}, which SOAP forbids")]
    Forbidden(&'static str),
    /// More levels than any real answer has.
    #[error("it is nested too deep")]
    Depth,
    /// A stream that cannot be decoded.
    #[error("a stream in it is not base64")]
    Base64,
    /// What everything depends on is not there, or not in a form that could be sent back.
    #[error("{0} is missing or has the wrong form")]
    Field(&'static str),
}

/// The id of a shell or a command: it is sent back, so only what an id may look like is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id(String);

impl Id {
    pub(super) fn read(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        ((1..=64).contains(&text.len()) && text.chars().all(fits)).then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

/// Why the endpoint did not do what was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fault {
    /// Windows' error code.
    pub(super) code: Option<u32>,
    /// One line of its words.
    pub(super) said: String,
}

impl Fault {
    /// There was no output in the time that was asked for: the command goes on.
    pub(super) fn is_timeout(&self) -> bool {
        self.code == Some(0x8033_8029)
    }

    /// The account may not do this. Everything else may be otherwise the next time.
    pub(super) fn is_denied(&self) -> bool {
        self.code == Some(5)
    }
}

/// What an envelope says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    shell: Option<String>,
    command: Option<String>,
    /// In the order in which they came.
    pub(super) output: Vec<Output>,
    /// The command has ended and all its output has been received.
    pub(super) is_done: bool,
    /// What it ended with.
    pub(super) exit_code: Option<i32>,
    /// Set where the endpoint refused.
    pub(super) fault: Option<Fault>,
}

impl Answer {
    /// Reads an envelope.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Encoding)?;
        Reading { answer: Self::default(), path: Vec::new(), text: String::new() }.whole(text)
    }

    /// The shell that was opened.
    pub(super) fn shell(&self) -> Result<Id, Malformed> {
        self.shell.as_deref().and_then(Id::read).ok_or(Malformed::Field("the id of the shell"))
    }

    /// The command that was started.
    pub(super) fn command(&self) -> Result<Id, Malformed> {
        self.command.as_deref().and_then(Id::read).ok_or(Malformed::Field("the id of the command"))
    }
}

/// The elements that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Envelope,
    ShellId,
    CommandId,
    Stdout,
    Stderr,
    ExitCode,
    Fault,
    Reason,
    Message,
    Other,
}

struct Reading {
    answer: Answer,
    path: Vec<Element>,
    text: String,
}

impl Reading {
    fn whole(mut self, text: &str) -> Result<Answer, Malformed> {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut seen = false;
        loop {
            let (namespace, event) =
                reader.read_resolved_event().map_err(|error| Malformed::Xml(words(&error)))?;
            match event {
                Event::Start(start) => {
                    let element = self.element(namespace, &start)?;
                    if self.path.is_empty() && (seen || element != Element::Envelope) {
                        return Err(Malformed::Field("the envelope"));
                    }
                    if self.path.len() == DEPTH {
                        return Err(Malformed::Depth);
                    }
                    seen = true;
                    self.path.push(element);
                    self.text.clear();
                }
                Event::End(_) => self.close()?,
                Event::Text(piece) => self.keep(&piece.xml10_content()),
                Event::CData(piece) => self.keep(&piece.xml10_content()),
                Event::GeneralRef(reference) => {
                    let resolved =
                        reference.resolve_char_ref().map_err(|error| Malformed::Xml(words(&error)))?;
                    let c = resolved.or_else(|| predefined(&reference));
                    let mut buffer = [0; 4];
                    self.keep(c.ok_or(Malformed::Forbidden("an entity"))?.encode_utf8(&mut buffer));
                }
                Event::DocType(_) => return Err(Malformed::Forbidden("a document type")),
                Event::PI(_) => return Err(Malformed::Forbidden("a processing instruction")),
                Event::Decl(_) | Event::Comment(_) | Event::Empty(_) => {}
                Event::Eof if seen && self.path.is_empty() => return Ok(self.answer),
                Event::Eof => return Err(Malformed::Xml("it ends in the middle".into())),
            }
        }
    }

    fn element(
        &mut self,
        namespace: ResolveResult<'_>,
        start: &BytesStart<'_>,
    ) -> Result<Element, Malformed> {
        let ResolveResult::Bound(Namespace(namespace)) = namespace else { return Ok(Element::Other) };
        let local = start.local_name();
        Ok(match (namespace, local.as_ref()) {
            (SOAP, "Envelope") => Element::Envelope,
            (SOAP, "Fault") => {
                self.answer.fault.get_or_insert_default();
                Element::Fault
            }
            (SOAP, "Text") => Element::Reason,
            (FAULT, "WSManFault") => {
                // The outermost is WinRM's own; further ones inside are those of what it called.
                let code = attribute(start, "Code")?.and_then(|code| code.parse().ok());
                let fault = self.answer.fault.get_or_insert_default();
                fault.code = fault.code.or(code);
                Element::Other
            }
            (FAULT, "Message") => Element::Message,
            (WSMAN, "Selector") if attribute(start, "Name")?.as_deref() == Some("ShellId") => {
                Element::ShellId
            }
            (SHELL, "CommandId") => Element::CommandId,
            (SHELL, "Stream") => match attribute(start, "Name")?.as_deref() {
                Some("stdout") => Element::Stdout,
                Some("stderr") => Element::Stderr,
                _ => Element::Other,
            },
            (SHELL, "CommandState") => {
                self.answer.is_done |= attribute(start, "State")?.as_deref() == Some(DONE);
                Element::Other
            }
            (SHELL, "ExitCode") => Element::ExitCode,
            _ => Element::Other,
        })
    }

    fn keep(&mut self, piece: &str) {
        let most = match self.path.last() {
            Some(Element::Stdout | Element::Stderr) => usize::MAX,
            _ => TEXT,
        };
        let room = most.saturating_sub(self.text.len());
        self.text.push_str(&piece[..piece.floor_char_boundary(room)]);
    }

    /// An element's end: what was between its tags is whole.
    fn close(&mut self) -> Result<(), Malformed> {
        let element = self.path.pop();
        let text = std::mem::take(&mut self.text);
        let trimmed = || Some(text.trim().to_owned());
        match element {
            Some(Element::ShellId) => self.answer.shell = trimmed(),
            Some(Element::CommandId) => self.answer.command = trimmed(),
            Some(Element::Stdout) => self.output(&text, Output::Stdout)?,
            Some(Element::Stderr) => self.output(&text, Output::Stderr)?,
            Some(Element::ExitCode) => {
                let code: i64 = text.trim().parse().map_err(|_| Malformed::Field("the exit code"))?;
                // Windows has 32 bits, and says them signed or not.
                let unsigned = || u32::try_from(code).map(u32::cast_signed);
                let code = i32::try_from(code).or_else(|_| unsigned());
                self.answer.exit_code = Some(code.map_err(|_| Malformed::Field("the exit code"))?);
            }
            Some(Element::Reason | Element::Message) => {
                if let Some(fault) = &mut self.answer.fault
                    && !text.trim().is_empty()
                {
                    // The last one is the most telling: SOAP's reason comes before Windows' own message.
                    fault.said = one_line(text.trim(), 200);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn output(&mut self, text: &str, kind: fn(Vec<u8>) -> Output) -> Result<(), Malformed> {
        let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let bytes = BASE64.decode(&packed).map_err(|_| Malformed::Base64)?;
        if !bytes.is_empty() {
            self.answer.output.push(kind(bytes));
        }
        Ok(())
    }
}

/// The entities that XML itself has.
fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, Malformed> {
    let found = start.try_get_attribute(name).map_err(|error| Malformed::Xml(words(&error)))?;
    Ok(found.map(|attribute| one_line(&attribute.value, TEXT)))
}

fn words(error: &dyn std::fmt::Display) -> String {
    one_line(&error.to_string(), 120)
}

#[cfg(test)]
mod tests;
