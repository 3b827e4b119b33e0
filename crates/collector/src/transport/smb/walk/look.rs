//! A look into one found file.

use super::super::failure::Failure;
use super::super::message::Opening;
use super::{ELSEWHERE, REPARSE_POINT, Walk};

impl Walk<'_> {
    /// The owner, and the content if it is worth reading and no longer than `most`.
    pub(super) async fn look(
        &mut self,
        tree: u32,
        path: &str,
        most: Option<u64>,
        seen: &mut Seen,
    ) -> Result<(), Failure> {
        let opening = if most.is_some() { Opening::File } else { Opening::Owner };
        let opened = self.shares.open(tree, path, opening).await?;
        let looked = async {
            seen.owner = self.shares.owner(tree, &opened.id).await.map(Some).or_else(ignore)?;
            let Some(most) = most.filter(|_| opened.attributes & (REPARSE_POINT | ELSEWHERE) == 0) else {
                return Ok(());
            };
            let mut content = Vec::new();
            while content.len() as u64 <= most && !self.stop.is_due() {
                let part = self.shares.read(tree, &opened.id, content.len() as u64, u32::MAX).await?;
                if part.is_empty() {
                    seen.content = Some(content);
                    return Ok(());
                }
                content.extend(part);
            }
            // It has grown since it was listed, or time is up.
            Ok(())
        };
        let looked = looked.await;
        if !matches!(looked, Err(Failure::Broken(_))) {
            self.shares.close(tree, &opened.id).await?;
        }
        looked
    }
}

/// What a look at one file came to.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) owner: Option<String>,
    pub(super) content: Option<Vec<u8>>,
    pub(super) why: Option<String>,
}

/// An owner that is not told is none.
fn ignore(failure: Failure) -> Result<Option<String>, Failure> {
    if matches!(failure, Failure::Broken(_)) { Err(failure) } else { Ok(None) }
}
