// Whom a TLS connection trusts, and what it shows of itself.
// SPDX-License-Identifier: Apache-2.0

/// How a connection of https is made; by default as curl does it, with the system's store of authorities.
package struct TransportSecurity: Sendable, Hashable {
    /// A file of authorities in place of the system's.
    package var authoritiesPath: String?
    /// False where the user said that any certificate will do.
    package var isVerified = true
    /// The certificate that this side shows, and its key.
    package var certificatePath: String?
    package var keyPath: String?

    package init() {}
}
