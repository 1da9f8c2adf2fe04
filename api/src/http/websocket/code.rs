//! Close codes: RFC 6455 and the protocol's own.

pub(super) const GOING_AWAY: u16 = 1001;
pub(super) const PROTOCOL_ERROR: u16 = 1002;
pub(super) const TOO_BIG: u16 = 1009;
pub(super) const TRY_AGAIN_LATER: u16 = 1013;
pub(super) const BAD_MESSAGE: u16 = 4400;
/// Clients do not try again.
pub(super) const UNAUTHORIZED: u16 = 4401;
/// Clients try again, with a fresh token.
pub(super) const FORBIDDEN: u16 = 4403;
pub(super) const SUBPROTOCOL: u16 = 4406;
pub(super) const INITIALISATION_TIMEOUT: u16 = 4408;
pub(super) const DUPLICATE_OPERATION: u16 = 4409;
pub(super) const DUPLICATE_INITIALISATION: u16 = 4429;
/// Too many connections, or requests; the same code, at which clients do not try again by themselves.
pub(super) const TOO_MANY: u16 = 4429;
