// What a remote source is made from.
// SPDX-License-Identifier: Apache-2.0

/// One file behind a web server: where it is, who signs for it, and what must not change.
package struct RemoteObject: Sendable {
    /// Gives the address anew, once one has stopped working.
    package typealias Locating = @Sendable (Deadline) throws(TransportError) -> WebAddress
    /// Asks what version the object is now; nil where there is no such object any more.
    package typealias Revalidating = @Sendable (Deadline) throws(TransportError) -> ObjectVersion?

    /// What errors and logs call it; no secret.
    package var name: String
    package var address: WebAddress
    package var credentials: any RequestCredentials
    /// What is known of it before anyone has asked the server for its bytes.
    package var expectedVersion: ObjectVersion?
    package var locate: Locating?
    /// Asked with each renewal of the credentials, and once a minute while the object is read.
    package var revalidate: Revalidating?
    /// What it means that the first request is answered with this status; nil where it means nothing special. What means
    /// something is not tried again. It is asked of 401 only where no credentials help.
    package var meaning: (@Sendable (_ status: Int) -> String?)?
    package var security = TransportSecurity()
    package var usesNetrc = false

    package init(
        _ address: WebAddress, named name: String? = nil, credentials: (any RequestCredentials)? = nil,
        expectedVersion: ObjectVersion? = nil
    ) {
        self.name = name ?? "\(address)"
        self.address = address
        self.credentials = credentials ?? FixedCredentials(for: address)
        self.expectedVersion = expectedVersion
    }
}
