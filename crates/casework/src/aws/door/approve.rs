//! The door for approvers: `GET /approve` shows what a link is about and changes nothing, `POST /approve` passes a person's
//! word on. Whether it counts is decided by the function `progress`, which looks at link and code once more: what is broken
//! into here holds no code, and writes to no case.
//!
//! Whatever is wrong with a link, the answer is the same: whoever has no good one learns nothing of any case.

use investigation::case::Case;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::{Doorman, Knock};
use crate::approval_code::typed;
use crate::approval_link::{LinkKey, Offer};
use crate::aws::decisions::{Spoken, Voucher, token};
use crate::aws::performer::link_key;
use crate::aws::secret::Kept;
use crate::backend::Backend;
use crate::backend::aws::Aws;
use crate::page::{Asking, Form, HEADERS, Said, approve, content_policy, door_page, standing};
use crate::remediate::Word;

/// Most bytes of a form.
const FORM: usize = 8 << 10;
/// How long after a word its page tells what became of it.
const TOLD: SignedDuration = SignedDuration::from_hours(1);
/// Where the form is sent, seen from its own page.
const HERE: &str = "approve";

/// What approving by a link takes, built once.
pub struct Approvals {
    /// The cases, to look at.
    pub store: Aws,
    /// The secret with the key of the links.
    pub link_secret: String,
    /// Its key.
    pub key: Kept<LinkKey>,
    /// Where words go.
    pub decisions_queue_url: String,
}

/// What is answered.
struct Answer {
    status: u16,
    page: String,
    location: Option<String>,
}

impl Answer {
    fn page(status: u16, title: &str, text: &str) -> Self {
        let content = html! { h1 { (title) } p { (text) } };
        Self { status, page: door_page(title, None, None, &content), location: None }
    }

    /// For every link that leads nowhere, whyever.
    fn worthless() -> Self {
        let text = "It may be over, cut short, or used up. Open it from the mail once more, or use the command line: \
                    peerhound approve.";
        Self::page(403, "This link is worth nothing", text)
    }

    fn unavailable() -> Self {
        Self::page(503, "Not now", "What this link is about cannot be looked up at this moment. Try again.")
    }

    fn into_value(self, with_body: bool) -> Value {
        let mut headers = json!({
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": content_policy(),
        });
        for (name, value) in HEADERS {
            headers[name] = json!(value);
        }
        if let Some(location) = self.location {
            headers["location"] = json!(location);
        }
        if self.status == 503 {
            headers["retry-after"] = json!("10");
        }
        let body = if with_body { self.page } else { String::new() };
        json!({ "statusCode": self.status, "headers": headers, "isBase64Encoded": false, "body": body })
    }
}

/// What a good link leads to.
struct Opened {
    link: String,
    offer: Offer,
    case: Case,
    /// The person, as the policy spells that person.
    person: String,
}

impl Opened {
    /// The page, with the form where a word is still wanted. `word` is the one that was sent, by its id and moment.
    fn page(&self, word: Option<(&str, Timestamp)>, warning: Option<&str>, now: Timestamp) -> Option<String> {
        let asking = Asking::of(&self.offer, &self.case, now)?;
        let said = word.map(|(id, sent)| standing(&asking, &self.person, id, sent));
        let under_way = said == Some(Said::UnderWay);
        let hidden = [("link", self.link.as_str())];
        let form = Form { action: HERE, hidden: &hidden, code: true, leave: None };
        let open = asking.is_open(&self.person) && !under_way;
        let id: Markup = html! { span .id { (self.case.id) } };
        let content = match under_way {
            // The form is away while a word is, so that nobody sends a second one.
            true => html! { h1 { "Your word on " (id) } },
            false => approve(&asking, &id, open.then_some(&form)),
        };
        Some(door_page("Approve changes", said.as_ref(), warning, &content))
    }
}

impl Approvals {
    pub(super) async fn answer(&self, doorman: &Doorman, knock: &Knock, now: Timestamp) -> Value {
        let answer = match knock.method.as_str() {
            "GET" | "HEAD" => self.look(doorman, knock, now).await,
            "POST" => self.speak(doorman, knock, now).await,
            _ => Err(Answer::page(405, "Not like this", "This page is looked at, or its form is sent.")),
        };
        let (Ok(answer) | Err(answer)) = answer;
        answer.into_value(knock.method != "HEAD")
    }

    /// Shows what a link is about.
    async fn look(&self, doorman: &Doorman, knock: &Knock, now: Timestamp) -> Result<Answer, Answer> {
        let opened = self.opened(doorman, knock.asked("link"), &knock.id, now).await?;
        let sent = knock.asked("sent").parse().ok().and_then(|second| Timestamp::from_second(second).ok());
        let sent = sent.filter(|sent| now.duration_since(*sent).abs() < TOLD);
        let word = sent.map(|sent| (knock.asked("word"), sent));
        let page = opened.page(word, None, now).ok_or_else(Answer::worthless)?;
        Ok(Answer { status: 200, page, location: None })
    }

    /// Passes a word on.
    async fn speak(&self, doorman: &Doorman, knock: &Knock, now: Timestamp) -> Result<Answer, Answer> {
        if knock.body.len() > FORM {
            return Err(Answer::page(413, "Too much", "That is no form of this page."));
        }
        // Another site's form could only bring what it knows, and it knows no code. Browsers say it all the same.
        let site = knock.headers.get("sec-fetch-site").and_then(Value::as_str);
        if site.is_some_and(|site| site != "same-origin") {
            return Err(Answer::worthless());
        }
        let body = String::from_utf8_lossy(&knock.body);
        let opened = self.opened(doorman, field(&body, "link"), &knock.id, now).await?;
        let again = |warning: &str| {
            let page = opened.page(None, Some(warning), now).ok_or_else(Answer::worthless)?;
            Ok(Answer { status: 422, page, location: None })
        };
        let Some(code) = typed(&field(&body, "code").replace('+', " ")) else {
            return again("The code has six digits: type what your authenticator shows now.");
        };
        let see_other = |word: &str| Answer {
            status: 303,
            page: String::new(),
            location: Some(format!("{HERE}?link={}{word}", opened.link)),
        };
        let asking = Asking::of(&opened.offer, &opened.case, now).ok_or_else(Answer::worthless)?;
        if !asking.is_open(&opened.person) {
            return Ok(see_other(""));
        }
        let word = self.pass_on(doorman, &opened, code, now).await.map_err(|why| {
            tracing::error!(request = knock.id, case_id = opened.case.id, why, "a word cannot be passed on");
            Answer::unavailable()
        })?;
        tracing::info!(
            request = knock.id,
            case_id = opened.case.id,
            by = opened.person,
            "a word came by a link"
        );
        Ok(see_other(&format!("&word={word}&sent={}", now.as_second())))
    }

    /// Puts a word onto its queue, and gives its id.
    async fn pass_on(
        &self,
        doorman: &Doorman,
        opened: &Opened,
        code: String,
        now: Timestamp,
    ) -> Result<String, String> {
        let Opened { link, offer, case, .. } = opened;
        let key = link_key(&self.key, doorman.clients.secrets(), &self.link_secret).await?;
        let id = key.word(link, &code).ok_or("the key cannot be used")?;
        let spoken = Spoken {
            id: id.clone(),
            case_id: offer.case_id.clone(),
            word: Word::Approve,
            measures: offer.measures.clone(),
            evidence_sha256: offer.evidence_sha256.clone(),
            seen: Some(case.plan_sha256(&offer.measures, false)),
            said_at: Timestamp::from_second(now.as_second()).unwrap_or(now),
            voucher: Voucher::Link { token: token(link, &code) },
        };
        let sent = spoken.send(doorman.clients.sqs(), &self.decisions_queue_url).await;
        sent.map(|()| id).map_err(|error| error.to_string())
    }

    /// What a link leads to, where it is good at this moment, for this person, on this evidence.
    async fn opened(
        &self,
        doorman: &Doorman,
        link: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<Opened, Answer> {
        let refused = |why: &dyn std::fmt::Display| {
            tracing::info!(request = id, %why, "a link was refused");
            Answer::worthless()
        };
        let failed = |why: &dyn std::fmt::Display| {
            tracing::error!(request = id, %why, "a link cannot be looked at");
            Answer::unavailable()
        };
        let key = link_key(&self.key, doorman.clients.secrets(), &self.link_secret).await;
        let key = key.map_err(|why| failed(&why))?;
        let offer = key.open(link, now).map_err(|fault| refused(&fault))?;
        let person = doorman.policy.person(&offer.by);
        if !doorman.policy.has_link(&person) {
            return Err(refused(&"its person is asked by a link no more"));
        }
        let case = self.store.case(&offer.case_id).await.map_err(|error| failed(&error))?;
        let case = case.ok_or_else(|| refused(&"its case is gone"))?;
        let same = |sha256: &str| sha256 == offer.evidence_sha256;
        match &case.remediation {
            Some(kept) if same(&kept.evidence_sha256) => {}
            _ => return Err(refused(&"it was made on other evidence")),
        }
        Ok(Opened { link: link.to_owned(), offer, case, person })
    }
}

/// What a form brings under a name. Nothing that is expected there is ever escaped.
fn field<'a>(body: &'a str, name: &str) -> &'a str {
    let mut pairs = body.split('&').take(20).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
