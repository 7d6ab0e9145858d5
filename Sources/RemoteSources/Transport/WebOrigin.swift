// Who answers at an address: scheme, host and port.
// SPDX-License-Identifier: Apache-2.0

/// What a secret is given for: it is sent to this scheme, host and port and nowhere else.
/// Spec: RFC 6454, 4.
package struct WebOrigin: Sendable, Hashable, CustomStringConvertible {
    package enum Scheme: String, Sendable {
        case http
        case https

        var usualPort: UInt16 {
            switch self {
            case .http: 80
            case .https: 443
            }
        }
    }

    package let scheme: Scheme
    /// In small letters; an IPv6 address in its brackets.
    package let host: String
    package let port: UInt16

    package var description: String {
        port == scheme.usualPort ? "\(scheme.rawValue)://\(host)" : "\(scheme.rawValue)://\(host):\(port)"
    }

    init(scheme: Scheme, host: String, port: UInt16?) {
        self.scheme = scheme
        self.host = host
        self.port = port ?? scheme.usualPort
    }
}
