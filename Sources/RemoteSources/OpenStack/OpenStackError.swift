// Why something of an OpenStack cloud could not be had.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// What went wrong with a cloud: one line that says what, where, and what to do. It holds no secret.
package struct OpenStackError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// The settings (OS_* variables, clouds.yaml) are missing, wrong, or ask for what ovafs does not know.
        case settings
        /// The service refuses who asks.
        case refused
        /// Nothing has this name or id.
        case notFound
        /// Several images have this name; their ids, in the service's order.
        case ambiguous(ids: [String])
        /// The image is there, and has no data that can be read now.
        case unusable
        /// The service could not be reached, or has trouble of its own: another attempt may do.
        case unavailable
        /// The service answered what cannot be right.
        case malformed
        /// The service refuses what was said to it (400).
        case misdescribed
        /// The service stored nothing, or not what was sent.
        case uploadFailed
        /// What was to be sent could not be read.
        case unreadable(ReadError)
    }

    package let kind: Kind
    package let description: String
    /// What went wrong between this machine and the service, where that is the reason.
    package let transport: TransportError?

    package init(_ kind: Kind, _ description: String, transport: TransportError? = nil) {
        self.kind = kind
        self.description = description
        self.transport = transport
    }

    /// A request that got no answer.
    init(_ error: TransportError) {
        self.init(error.kind == .request ? .settings : .unavailable, error.description, transport: error)
    }

    /// For who signs requests of a source.
    var asTransportError: TransportError {
        if let transport { return transport }
        let kind: TransportError.Kind =
            switch self.kind {
            case .refused: .refused(401)
            case .unavailable: .connection
            case .malformed, .misdescribed: .garbage
            default: .request
            }
        return TransportError(kind, at: "OpenStack", description)
    }
}
