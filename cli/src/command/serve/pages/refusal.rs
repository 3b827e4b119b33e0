//! The page that says no. Who has not logged in can do so here.

use hyper::StatusCode;
use maud::{Markup, html};

use super::super::failure::Failure;
use super::super::routes::{CASES, LOGIN};
use super::frame::document;
use super::parts::shown;

/// The page.
pub(in super::super) fn page(failure: &Failure) -> Markup {
    let body = html! {
        header .bar { a .brand href=(CASES) { "Peerhound" } }
        main #content .narrow {
            h1 { (failure.title) }
            p { (shown(&failure.text)) }
            @if failure.status == StatusCode::UNAUTHORIZED { (form()) } @else { p { a href=(CASES) { "To the cases" } } }
        }
    };
    document(failure.title, &body)
}

fn form() -> Markup {
    html! {
        form .stacked method="post" action=(LOGIN) {
            label for="token" { "Token" }
            input #token name="token" type="password" autocomplete="off" required maxlength="4096" autofocus;
            button .primary type="submit" { "Log in" }
        }
        p .hint {
            "It is in the address that " code { "peerhound serve" } " printed when it was started, and in the file that "
            code { "--token-file" } " names. A session ends after an hour without use, and after eight hours."
        }
    }
}
