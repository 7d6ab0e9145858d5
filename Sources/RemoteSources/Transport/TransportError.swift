// Why a request got no answer, or none that can be used.
// SPDX-License-Identifier: Apache-2.0

/// What went wrong between this machine and a server. It holds no secret.
package struct TransportError: Error, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// No connection, or one that ended early: reset, cut off.
        case connection
        /// No one is there to talk to: not found by name, refused.
        case unreachable
        /// Nothing came for a while, or too little of it.
        case silence
        /// The time of who asked is over.
        case deadline
        /// What came is no HTTP, or breaks its rules.
        case garbage
        /// The answer is longer than it may be.
        case tooLarge
        /// Whoever answers is not whom the certificate has to name, or does not speak TLS.
        case certificate
        /// A redirection leads nowhere, or in a circle.
        case redirection
        /// The request cannot be made: its address or its credentials are unusable.
        case request
        /// The server said no, with this status.
        case refused(Int)
        /// The program ends.
        case stopped
    }

    package let kind: Kind
    /// Who was asked, such as `WebAddress.description`.
    package let place: String
    package let reason: String

    package init(_ kind: Kind, at place: String, _ reason: String) {
        self.kind = kind
        self.place = place
        self.reason = reason
    }

    package var description: String { "\(place): \(reason)" }

    /// Whether the same request may succeed a little later.
    package var isWorthRetrying: Bool {
        switch kind {
        case .connection, .unreachable, .silence, .garbage: true
        case .refused(let status): status == 408 || status == 425 || status == 429 || status >= 500
        case .deadline, .tooLarge, .certificate, .redirection, .request, .stopped: false
        }
    }
}
