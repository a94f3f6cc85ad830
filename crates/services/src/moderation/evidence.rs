//! What shows a decision: blurred, sealed, looked at with a reason that is written down first, destroyed on its day.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use visavis_domain::{
    Code, Fault, Timestamp,
    cases::measure::{self, kept_until},
    contract::moderation::{Attach, EvidenceKind, Exposed, Exposure, ReadEvidence, ReportReason},
    id::{EvidenceId, UserId},
    text,
};
use visavis_platform::{
    Vault,
    db::{Tx, bans, cases, evidence as rows, reports},
    secret::Secret,
    vault::{self, Sealed, Under},
};

use super::{Moderation, blur, no_case, reason};

/// Pieces of one case that are shown: the newest.
pub(super) const PIECES: i64 = 200;
/// And all there can be, for reports and decisions are bounded and gone after fifteen days.
const ALL_PIECES: i64 = 100_000;
/// Cases whose hold couldn't be written when it came, that are looked at again at once.
const LATE: i64 = 50;
/// The most words.
const MAX_TRANSCRIPT: usize = 4_000;
/// A look at a picture counts for so long, beside what the page counts.
const LOOK_S: u32 = 5;
/// A page counts at most so long at a time.
const COUNTED_S: u32 = 60;
const DAY_MS: i64 = 24 * 3_600_000;
/// In the audit log: a piece was kept, of this case until then.
pub(super) const KEPT: &str = "keep";

/// A piece that is sealed and not kept yet.
#[derive(Debug)]
pub(super) struct Piece {
    id: EvidenceId,
    kind: EvidenceKind,
    at: Timestamp,
    expires_at: Timestamp,
    sealed: Sealed,
}

/// All that came with a decision or report.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// What can be kept.
    pub(super) all: Vec<Piece>,
    /// Something can't, for want of a key.
    pub(super) lost: bool,
}

/// The MAC of a piece; whose it is isn't in it, for that is forgotten with an account.
pub(super) fn piece_mac(secret: &Secret, piece: &rows::Evidence) -> String {
    let (id, case) = (piece.id.to_string(), piece.case.to_string());
    let (at, end) = (piece.at.as_millis().to_string(), piece.expires_at.as_millis().to_string());
    let held = if piece.held { "held" } else { "" };
    let parts: [&str; 9] =
        [&id, &case, &piece.source, &piece.kind, &at, &end, held, &piece.wrapped, &piece.sealed];
    BASE64_URL_SAFE_NO_PAD.encode(secret.mac("evidence", &parts.map(str::as_bytes)))
}

pub(super) const fn under(piece: &rows::Evidence) -> Under {
    if piece.held { Under::Hold(piece.case) } else { Under::ending(piece.expires_at) }
}

impl Moderation {
    /// Seals what came with a decision or report. Where that can't be done now, the decision is kept all the same.
    pub(super) async fn pieces(
        &self,
        picture: Option<Vec<u8>>,
        transcript: Option<String>,
        keep_days: u8,
        now: Timestamp,
    ) -> Result<Pieces, Fault> {
        if transcript.as_ref().is_some_and(|text| text.chars().count() > MAX_TRANSCRIPT) {
            return Err(Fault::field("transcript", format!("at most {MAX_TRANSCRIPT} characters")));
        }
        let picture = match picture {
            None => None,
            Some(webp) => {
                let made = tokio::task::spawn_blocking(move || blur::blurred(&webp)).await;
                let made = made.map_err(|_| Fault::internal())?;
                if made.is_none() {
                    metrics::counter!("visavis_evidence_refused_total").increment(1);
                    tracing::warn!("a picture that can't be read isn't kept");
                }
                made.map(|webp| (EvidenceKind::Picture, webp))
            }
        };
        let words = transcript.filter(|text| !text.trim().is_empty());
        let words = words.map(|text| (EvidenceKind::Transcript, text.into_bytes()));
        let mut pieces = Pieces::default();
        for (kind, plain) in picture.into_iter().chain(words) {
            let (id, expires_at) = (self.dice.id(&self.clock), kept_until(now, keep_days));
            if let Ok(sealed) = self.vault.seal(id, Under::ending(expires_at), &plain).await {
                pieces.all.push(Piece { id, kind, at: now, expires_at, sealed });
            } else {
                pieces.lost = true;
                metrics::counter!("visavis_evidence_lost_total").increment(1);
                tracing::error!("evidence is not kept: its key can't be written");
            }
        }
        Ok(pieces)
    }

    pub(super) async fn put_pieces(
        &self,
        tx: &mut Tx,
        case: &cases::Case,
        source: &str,
        pieces: Vec<Piece>,
    ) -> Result<(), Fault> {
        for Piece { id, kind, at, expires_at, sealed } in pieces {
            let mut row = rows::Evidence {
                id,
                case: case.id,
                user: case.user,
                source: source.to_owned(),
                kind: kind.as_str().to_owned(),
                at,
                expires_at,
                held: false,
                wrapped: sealed.wrapped,
                sealed: sealed.body,
                mac: String::new(),
            };
            row.mac = piece_mac(&self.secret, &row);
            // Of one decision or report there is one of each kind. That it is kept is written down, so that it can be missed.
            if rows::insert(tx, &row).await? {
                let until = format!("{} {}", case.id, expires_at.as_millis());
                self.audit(tx, "rule", (KEPT, &id.to_string()), &until).await?;
            }
        }
        Ok(())
    }

    /// What the server saw of somebody joins the case of the report about them. Of one report it is kept once.
    pub(super) async fn attach_to_report(&self, req: Attach) -> Result<(), Fault> {
        let Attach { report, user, picture, transcript } = req;
        let now = self.clock.now();
        let mut tx = self.db.write().await?;
        let known = reports::case_of(&mut tx, report, user).await?;
        drop(tx);
        // Whoever has erased their account meanwhile has nothing written down.
        let Some((case, why)) = known else { return Ok(()) };
        let keep_days = measure::keep_days(reason(&why).unwrap_or(ReportReason::Other));
        let pieces = self.pieces(picture, transcript, keep_days, now).await?;
        // Whoever brings it comes again: the disk may have room by then.
        if pieces.lost {
            return Err(Fault::unavailable());
        }
        let mut tx = self.db.write().await?;
        let Some(case) = cases::lock(&mut tx, case).await? else { return Ok(()) };
        self.put_pieces(&mut tx, &case, &report.to_string(), pieces.all).await?;
        self.hold_what_must_be(&mut tx, &case).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Brings everything of a case under its hold, if it is held.
    pub(super) async fn hold_what_must_be(&self, tx: &mut Tx, case: &cases::Case) -> Result<u64, Fault> {
        let mut changed = 0;
        if case.held_for.is_none() {
            return Ok(changed);
        }
        for mut piece in rows::of_case_in(tx, case.id, ALL_PIECES).await? {
            if piece.held || piece.expires_at <= self.clock.now() {
                continue;
            }
            let hold = Under::Hold(case.id);
            match self.vault.rewrap(piece.id, under(&piece), hold, &piece.wrapped).await {
                Ok(wrapped) => {
                    (piece.held, piece.wrapped) = (true, wrapped);
                    piece.mac = piece_mac(&self.secret, &piece);
                    rows::rewrap(tx, &piece).await?;
                    changed += 1;
                }
                Err(vault::Error::Away) => return Err(Fault::unavailable()),
                Err(error) => tracing::error!(evidence.id = %piece.id, %error, "evidence can't be held"),
            }
        }
        Ok(changed)
    }

    /// Ends a hold: what is past its day is gone, the rest ends on its day. The key of the hold is destroyed after the
    /// transaction, with [`Vault::end_hold`].
    pub(super) async fn release_pieces(&self, tx: &mut Tx, case: &cases::Case) -> Result<(), Fault> {
        for mut piece in rows::of_case_in(tx, case.id, ALL_PIECES).await? {
            if piece.expires_at <= self.clock.now() {
                rows::delete(tx, piece.id).await?;
                continue;
            }
            if !piece.held {
                continue;
            }
            let day = Under::ending(piece.expires_at);
            let wrapped = self.vault.rewrap(piece.id, under(&piece), day, &piece.wrapped).await;
            let wrapped = wrapped.map_err(|_| Fault::unavailable())?;
            (piece.held, piece.wrapped) = (false, wrapped);
            piece.mac = piece_mac(&self.secret, &piece);
            rows::rewrap(tx, &piece).await?;
        }
        Ok(())
    }

    /// All that isn't held belongs to another case from now on.
    pub(super) async fn move_pieces(
        &self,
        tx: &mut Tx,
        from: &cases::Case,
        to: &cases::Case,
    ) -> Result<(), Fault> {
        for mut piece in rows::of_case_in(tx, from.id, ALL_PIECES).await?.into_iter().filter(|one| !one.held)
        {
            piece.case = to.id;
            piece.mac = piece_mac(&self.secret, &piece);
            rows::move_to(tx, &piece).await?;
        }
        self.hold_what_must_be(tx, to).await.map(drop)
    }

    /// What came under a hold while no key could be written comes under it now.
    async fn hold_late(&self) -> Result<(), Fault> {
        for case in rows::unheld(&self.db, self.clock.now(), LATE).await? {
            let mut tx = self.db.write().await?;
            if let Some(case) = cases::lock(&mut tx, case).await? {
                self.hold_what_must_be(&mut tx, &case).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// Keys first: from then on nothing opens what is still to be deleted.
    pub async fn end_what_is_over(&self) -> Result<u64, Fault> {
        if let Err(fault) = self.hold_late().await {
            tracing::error!(fault.code = %fault.code, "what is under legal hold can't be wrapped for it yet");
        }
        let now = self.clock.now();
        let keys = self.vault.shred(now).await.map_err(|_| Fault::unavailable())?;
        if keys > 0 {
            tracing::info!(keys, "keys of evidence that has ended are destroyed");
        }
        let mut all = 0;
        loop {
            let gone = rows::sweep(&self.db, now, Vault::latest(now)).await?;
            all += gone;
            if gone == 0 {
                return Ok(all);
            }
        }
    }

    pub(super) async fn read_evidence(&self, req: ReadEvidence) -> Result<String, Fault> {
        let why = text::reason("reason", &req.reason)?;
        let now = self.clock.now();
        let case = cases::by_id(&self.db, req.case).await?;
        let case = case.filter(|case| case.user != req.moderator).ok_or_else(no_case)?;
        self.may_have(&case, req.moderator).await?;
        if let Some(left) = case.flow.busy_for(now, req.moderator) {
            return Err(busy(left));
        }
        let is_picture = req.kind == EvidenceKind::Picture;
        if is_picture {
            self.not_too_much(req.moderator, now).await?;
        }
        let all = rows::of_case(&self.db, req.case, PIECES).await?;
        let wanted = |piece: &&rows::Evidence| {
            piece.kind == req.kind.as_str() && req.evidence.is_none_or(|id| id == piece.id)
        };
        let piece = all.iter().rev().find(wanted).ok_or_else(|| Fault::not_found("That evidence"))?;
        if !piece.held && piece.expires_at <= now {
            return Err(gone());
        }
        let mut tx = self.db.write().await?;
        let object = piece.id.to_string();
        self.audit(&mut tx, &req.moderator.to_string(), ("look", &object), &why).await?;
        if is_picture {
            bans::exposed(&mut tx, req.moderator, day(now), LOOK_S).await?;
        }
        tx.commit().await?;
        if piece.mac != piece_mac(&self.secret, piece) {
            tracing::error!(evidence.id = %piece.id, "evidence was changed: see `visavis evidence verify`");
            return Err(Fault::internal());
        }
        let sealed = Sealed { wrapped: piece.wrapped.clone(), body: piece.sealed.clone() };
        match self.vault.unseal(piece.id, under(piece), &sealed).await {
            Ok(plain) => Ok(BASE64_STANDARD.encode(plain)),
            Err(vault::Error::Gone) => Err(gone()),
            Err(vault::Error::Away) => Err(Fault::unavailable()),
            Err(vault::Error::Changed) => Err(Fault::internal()),
        }
    }

    async fn not_too_much(&self, moderator: UserId, now: Timestamp) -> Result<(), Fault> {
        let so_far = bans::exposure(&self.db, moderator, day(now)).await?;
        if so_far < self.settings.exposure_s {
            return Ok(());
        }
        let tomorrow = (day(now) + 1) * DAY_MS - now.as_millis();
        let detail = "You have looked at enough for today. Please let somebody else go on.";
        let fault = Fault::new(Code::RateLimited, detail);
        Err(fault.retry_in(u64::try_from(tomorrow).unwrap_or(0)))
    }

    pub(super) async fn exposure_of(&self, moderator: UserId) -> Result<Exposure, Fault> {
        let seconds = bans::exposure(&self.db, moderator, day(self.clock.now())).await?;
        Ok(Exposure { seconds, limit_seconds: self.settings.exposure_s })
    }

    pub(super) async fn count_exposure(&self, req: Exposed) -> Result<Exposure, Fault> {
        if !(1..=COUNTED_S).contains(&req.seconds) {
            return Err(Fault::field("seconds", format!("must be 1 to {COUNTED_S}")));
        }
        let mut tx = self.db.write().await?;
        let seconds = bans::exposed(&mut tx, req.moderator, day(self.clock.now()), req.seconds).await?;
        tx.commit().await?;
        Ok(Exposure { seconds, limit_seconds: self.settings.exposure_s })
    }
}

const fn day(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY_MS)
}

fn gone() -> Fault {
    Fault::new(Code::NotFound, "It has ended: nobody can read it any more.")
}

/// Somebody else has the case for so long yet.
pub(super) fn busy(left: Duration) -> Fault {
    let minutes = left.as_secs().div_ceil(60).max(1);
    let s = if minutes == 1 { "" } else { "s" };
    let detail =
        format!("Somebody else has this case, for {minutes} minute{s} at most if they go on no further.");
    Fault::new(Code::Busy, detail).retry_in(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
}
