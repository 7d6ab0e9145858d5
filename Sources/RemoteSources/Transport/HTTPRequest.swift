// What is asked of a server.
// SPDX-License-Identifier: Apache-2.0

/// A request. Its description holds no secret.
package struct HTTPRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    package var method: Method
    package var address: WebAddress
    package var headers: [HTTPHeader]
    package var body: [UInt8]?
    package var security: TransportSecurity
    /// Whether the user's `.netrc` may name a password for this host: for what the user named, and for nothing that a
    /// server named.
    package var usesNetrc: Bool

    package init(
        _ method: Method = .get, _ address: WebAddress, headers: [HTTPHeader] = [], body: [UInt8]? = nil,
        security: TransportSecurity = TransportSecurity(), usesNetrc: Bool = false
    ) {
        self.method = method
        self.address = address
        self.headers = headers
        self.body = body
        self.security = security
        self.usesNetrc = usesNetrc
    }
}

extension HTTPRequest: CustomStringConvertible {
    package var description: String { "\(method.rawValue) \(address)" }
}
