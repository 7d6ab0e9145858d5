// How an attempt to bring blocks ended.
// SPDX-License-Identifier: Apache-2.0

/// What whoever brings blocks tells of it. Reasons hold no secret.
enum BringingOutcome: Sendable, Equatable {
    /// The server answered as it has to, with all or a part.
    case brought
    /// Not this time; `delay` in seconds, where the server named one. `isCrowded`: it may be that too many ask at once.
    case failed(String, delay: Double?, isCrowded: Bool)
    /// The server refuses, and those who wait now are told; the next who asks makes it be tried again.
    case refused(String)
    /// It is another version, for good.
    case stale(String)
    /// The program ends.
    case stopped
}
