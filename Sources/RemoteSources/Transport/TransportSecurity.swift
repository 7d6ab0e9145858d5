// Whom a TLS connection trusts, and what it shows of itself.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How a connection of https is made; by default as curl does it, with the system's store of authorities.
package struct TransportSecurity: Sendable, Hashable {
    /// A file of authorities in place of the system's; at first the one that the environment names.
    package var authoritiesPath: String?
    /// False where the user said that any certificate will do.
    package var isVerified = true
    /// The certificate that this side shows, and its key.
    package var certificatePath: String?
    package var keyPath: String?

    /// `variable` finds the environment's variables that are set and not empty.
    package init(environment variable: (String) -> String? = Self.processVariable) {
        authoritiesPath = Self.variables.lazy.compactMap(variable).first
    }

    /// The first of these files that is there and is none, such as a pipe or a file of /proc, whose length is 0: whoever
    /// read it could wait for ever.
    var fileThatIsNone: String? {
        [authoritiesPath, certificatePath, keyPath].compactMap(\.self).first { path in
            var status = stat()
            return unsafe stat(path, &status) == 0
                && (status.st_mode & S_IFMT != S_IFREG || status.st_size == 0)
        }
    }

    /// As curl has them, the first one counting most.
    private static let variables = ["CURL_CA_BUNDLE", "SSL_CERT_FILE"]

    /// A variable of this process.
    package static func processVariable(_ name: String) -> String? {
        // SAFETY: the text ends with a NUL, and is copied before anything changes the environment.
        guard let text = unsafe getenv(name) else { return nil }
        let value = unsafe String(cString: text)
        return value.isEmpty ? nil : value
    }
}
