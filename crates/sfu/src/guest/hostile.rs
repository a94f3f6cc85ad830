//! What a guest can do that no browser does, for tests of what the server makes of it.

use std::time::Instant;

use str0m::{
    Input, RtcError,
    format::Codec,
    media::{KeyframeRequestKind, Mid},
    rtp::{RtpWrite, Ssrc},
};

use super::Guest;

impl Guest {
    /// Sends pictures on a line of this name with that SSRC, whether it may or not.
    pub fn forge(&mut self, now: Instant, mid: &str, ssrc: u32, packets: u64) -> Result<(), RtcError> {
        let (mid, ssrc) = (Mid::from(mid), Ssrc::from(ssrc));
        let Some(pt) = self.pt(Codec::Vp8) else { return Ok(()) };
        self.rtc.direct_api().declare_stream_tx(ssrc, None, mid, None);
        for seq in 1..=packets {
            if let Some(stream) = self.rtc.direct_api().stream_tx(&ssrc) {
                let time = u32::try_from(seq).unwrap_or(0) * 3_000;
                let key = vec![0x90, 0xE0, 0x81, 0x02, 7, 0x20, 0x10, 0, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1];
                stream.write_rtp(RtpWrite::new(pt, seq.into(), time, now, key).marker(true));
            }
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain(now)?;
        }
        Ok(())
    }

    /// Asks for a key frame of every line, however often it did.
    pub fn beg(&mut self, now: Instant) -> Result<(), RtcError> {
        for mid in self.receives.clone() {
            if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain(now)?;
        }
        Ok(())
    }

    /// The name of the line that it sends its camera on.
    pub fn camera_line(&self) -> String {
        self.mids[&visavis_domain::wire::Source::Camera].to_string()
    }
}
