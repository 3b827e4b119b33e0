use proptest::prelude::*;

use super::*;

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"{SOAP}\" xmlns:w=\"{WSMAN}\" xmlns:f=\"{FAULT}\" \
         xmlns:rsp=\"{SHELL}\"><s:Header/><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn read(body: &str) -> Result<Answer, Malformed> {
    Answer::read(envelope(body).as_bytes())
}

fn stream(text: &str) -> Result<Answer, Malformed> {
    read(&format!(
        "<rsp:ReceiveResponse><rsp:Stream Name=\"stdout\">{text}</rsp:Stream></rsp:ReceiveResponse>"
    ))
}

#[test]
fn output_comes_in_its_order_with_state_and_exit_code() {
    let answer = read(&format!(
        "<rsp:ReceiveResponse><rsp:Stream Name=\"stdout\" CommandId=\"A\">aGk=</rsp:Stream>\
         <rsp:Stream Name=\"stderr\" CommandId=\"A\">bm\n8=</rsp:Stream><rsp:Stream Name=\"stdout\" End=\"true\"/>\
         <rsp:CommandState CommandId=\"A\" State=\"{DONE}\"><rsp:ExitCode>3</rsp:ExitCode></rsp:CommandState>\
         </rsp:ReceiveResponse>"
    ))
    .unwrap();
    assert_eq!(answer.output, [Output::Stdout(b"hi".to_vec()), Output::Stderr(b"no".to_vec())]);
    assert_eq!((answer.is_done, answer.exit_code, answer.fault), (true, Some(3), None));
}

#[test]
fn a_running_command_is_not_done() {
    let state = DONE.replace("Done", "Running");
    let answer = read(&format!("<rsp:CommandState State=\"{state}\"/>")).unwrap();
    assert_eq!((answer.is_done, answer.exit_code), (false, None));
}

#[test]
fn windows_exit_codes_have_32_bits_signed_or_not() {
    let code = |text: &str| read(&format!("<rsp:ExitCode>{text}</rsp:ExitCode>")).map(|a| a.exit_code);
    assert_eq!(code(" 0 "), Ok(Some(0)));
    assert_eq!(code("-1"), Ok(Some(-1)));
    assert_eq!(code("3221225786"), Ok(Some(-1_073_741_510)));
    for wrong in ["", "x", "4294967296", "-2147483649", "99999999999999999999"] {
        assert!(code(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn ids_are_what_could_be_sent_back() {
    let shell = |id: &str| read(&format!("<w:Selector Name=\"ShellId\">{id}</w:Selector>")).unwrap().shell();
    assert_eq!(shell(" 11-AA ").unwrap().as_str(), "11-AA");
    for wrong in ["", "a b", "&lt;x/&gt;", "a&quot;b", &"a".repeat(65), "ä"] {
        assert!(shell(wrong).is_err(), "{wrong}");
    }
    assert!(read("<w:Selector Name=\"Other\">1</w:Selector>").unwrap().shell().is_err());
    assert!(read("<rsp:CommandId>B-1</rsp:CommandId>").unwrap().command().is_ok());
    // The same words in another namespace are something else.
    assert!(read("<x:CommandId xmlns:x=\"urn:x\">B-1</x:CommandId>").unwrap().command().is_err());
}

#[test]
fn a_fault_gives_its_code_and_one_line() {
    let fault = |detail: &str| {
        let reason = "<s:Reason><s:Text>the reason</s:Text></s:Reason>";
        read(&format!("<s:Fault>{reason}<s:Detail>{detail}</s:Detail></s:Fault>")).unwrap().fault.unwrap()
    };
    let timeout = fault("<f:WSManFault Code=\"2150858793\"><f:Message>in\ntime</f:Message></f:WSManFault>");
    assert!(timeout.is_timeout() && !timeout.is_denied());
    assert_eq!(timeout.said, "in\\ntime");
    assert!(fault("<f:WSManFault Code=\"5\"/>").is_denied());
    assert_eq!(fault("<f:WSManFault Code=\"-7\"/>"), Fault { code: None, said: "the reason".into() });
    assert!(fault("").said.contains("reason"));
    let long = fault(&format!("<f:WSManFault><f:Message>{}</f:Message></f:WSManFault>", "é".repeat(5000)));
    assert!(long.said.chars().count() <= 201);
}

#[test]
fn a_fault_inside_a_fault_does_not_hide_the_outer_code() {
    let inner = "<f:ProviderFault><f:WSManFault Code=\"1\"><f:Message>inner</f:Message></f:WSManFault></f:ProviderFault>";
    let text =
        format!("<s:Fault><f:WSManFault Code=\"5\"><f:Message>{inner}</f:Message></f:WSManFault></s:Fault>");
    assert!(read(&text).unwrap().fault.unwrap().is_denied());
}

#[test]
fn what_is_not_the_xml_of_an_envelope_is_refused() {
    let whole = envelope("<rsp:CommandId>1</rsp:CommandId>");
    for cut in 0..whole.len() {
        assert!(Answer::read(&whole.as_bytes()[..cut]).is_err(), "{cut}");
    }
    assert_eq!(Answer::read(b"\xff\xfe<\0"), Err(Malformed::Encoding));
    for text in ["", "<a/>", "text", "<s:Envelope/>", &format!("{whole}{whole}"), "<a><b></a></b>"] {
        assert!(Answer::read(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn nothing_is_expanded() {
    let text = envelope("<rsp:CommandId>&e;</rsp:CommandId>");
    assert_eq!(Answer::read(text.as_bytes()), Err(Malformed::Forbidden("an entity")));
    let bomb = text.replace("<s:Envelope", "<!DOCTYPE x [<!ENTITY e \"boom\">]><s:Envelope");
    assert_eq!(Answer::read(bomb.as_bytes()), Err(Malformed::Forbidden("a document type")));
    assert_eq!(read("<?php x?>"), Err(Malformed::Forbidden("a processing instruction")));
    let answer = read("<rsp:CommandId>&#65;&#x2d;B</rsp:CommandId>").unwrap();
    assert_eq!(answer.command().unwrap().as_str(), "A-B");
}

#[test]
fn depth_and_texts_are_capped() {
    let deep = format!("{}{}", "<x>".repeat(100), "</x>".repeat(100));
    assert_eq!(read(&deep), Err(Malformed::Depth));
    let long = read(&format!("<s:Fault><s:Text>{}</s:Text></s:Fault>", "a".repeat(1 << 20))).unwrap();
    assert!(long.fault.unwrap().said.len() < 300);
}

#[test]
fn a_stream_that_is_not_base64_is_refused() {
    for text in ["=", "a", "aGk", "\u{e4}", "&lt;&gt;"] {
        assert_eq!(stream(text), Err(Malformed::Base64), "{text}");
    }
    assert_eq!(stream("").unwrap().output, []);
    assert_eq!(stream("<![CDATA[aGk=]]>").unwrap().output, [Output::Stdout(b"hi".to_vec())]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Answer::read(&bytes);
    }

    #[test]
    fn no_tags_make_it_panic(parts in proptest::collection::vec(0_usize..14, 0..40)) {
        const TAGS: [&str; 14] = [
            "<rsp:Stream Name=\"stdout\">", "</rsp:Stream>", "<rsp:ExitCode>", "</rsp:ExitCode>", "7", "aGk=",
            "<s:Fault>", "</s:Fault>", "<f:WSManFault Code=\"5\"/>", "<s:Text>", "</s:Text>", "&amp;", "é", "<!--x-->",
        ];
        let body: String = parts.iter().map(|part| TAGS[*part]).collect();
        let _ = read(&body);
    }

    #[test]
    fn every_output_comes_back_as_it_was(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
        let answer = stream(&BASE64.encode(&bytes)).unwrap();
        prop_assert_eq!(answer.output, [Output::Stdout(bytes)]);
    }
}
