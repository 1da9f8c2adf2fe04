//! What else a destination is asked, with the same patience as when it is written to. Deliberately absent: writing,
//! removing and comparing (`writer`).

use connector::{Gone, Place, SystemError};
use serde_json::Value;

use super::StreamStop;
use super::writer::{DestinationEnd, canceled_or};

impl DestinationEnd<'_> {
    /// Which of these records are there; `None` where the destination can't be asked, which it also says of none.
    pub(super) async fn holds(&mut self, gone: &[Gone]) -> Result<Option<Vec<bool>>, StreamStop> {
        loop {
            let progress = self.open.access.progress.clone();
            let stop = self.stop;
            let asked = canceled_or(&stop.now, async {
                let _waiting = progress.wait();
                Ok(match self.opened().await {
                    Ok(destination) => destination.holds(gone).await,
                    Err(error) => Err(error),
                })
            });
            let answer = asked.await?;
            if let Some(answer) = self.heard(answer).await? {
                return Ok(answer);
            }
        }
    }

    /// How many rows the destination has, of whomever; `None` where it does not count.
    pub(super) async fn row_count(&mut self) -> Result<Option<u64>, StreamStop> {
        loop {
            let progress = self.open.access.progress.clone();
            let stop = self.stop;
            let asked = canceled_or(&stop.now, async {
                let _waiting = progress.wait();
                Ok(match self.opened().await {
                    Ok(destination) => destination.row_count().await,
                    Err(error) => Err(error),
                })
            });
            let answer = asked.await?;
            if let Some(answer) = self.heard(answer).await? {
                return Ok(answer);
            }
        }
    }

    /// Which of these values are at a place of the destination.
    pub(super) async fn find(
        &mut self,
        place: &Place,
        values: &[Vec<Value>],
    ) -> Result<Vec<bool>, StreamStop> {
        // As before a write.
        tokio::task::yield_now().await;
        loop {
            let progress = self.open.access.progress.clone();
            let stop = self.stop;
            let asked = canceled_or(&stop.now, async {
                let _waiting = progress.wait();
                Ok(match self.opened().await {
                    Ok(destination) => destination.find(place, values).await,
                    Err(error) => Err(error),
                })
            });
            let answer = asked.await?;
            if let Some(answer) = self.heard(answer).await? {
                return Ok(answer);
            }
        }
    }

    /// The answer; or `None` when it is to be asked again, after a wait.
    async fn heard<T>(&mut self, answer: Result<T, SystemError>) -> Result<Option<T>, StreamStop> {
        match answer {
            Ok(answer) => {
                self.answered().await?;
                Ok(Some(answer))
            }
            Err(error) => self.wait_after(error).await.map(|()| None),
        }
    }
}
