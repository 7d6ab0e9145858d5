// A token, and what Keystone says with it.
// SPDX-License-Identifier: Apache-2.0

/// What Keystone answers: the token, how long it lives, and the services of the cloud.
/// Spec: Identity API v3, "Authentication and token management".
struct KeystoneToken: Sendable, Equatable {
    let secret: Secret
    /// From issue to end by Keystone's clock, so that this machine's may be wrong; in seconds. Nil: it never ends.
    let lifetime: Double?
    let catalogue: ServiceCatalogue?

    /// A token is no longer than a header may be, in bytes.
    static let byteLimit = 16 << 10

    /// The token of an answer. For one that was made some time ago, `date` is now by this machine's clock, in seconds
    /// since 1970.
    /// - Throws: `OpenStackError` of kind `malformed`.
    init(secret: String, body: [UInt8], issuedNowAt date: Double? = nil) throws(OpenStackError) {
        guard (1...Self.byteLimit).contains(secret.utf8.count),
            secret.utf8.allSatisfy({ (0x21..<0x7f).contains($0) })
        else { throw Self.malformed("a token that cannot be one") }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONParser.parse(body)
        } catch {
            throw Self.malformed(error.description)
        }
        guard let token = value.object?["token"]?.object else {
            throw Self.malformed("no token in its answer")
        }
        self.secret = Secret(secret)
        catalogue = ServiceCatalogue(token["catalog"])
        guard let end = token["expires_at"], end != .null else {
            lifetime = nil
            return
        }
        guard let expires = end.string.flatMap(ServiceTime.init),
            let issued = token["issued_at"]?.string.flatMap(ServiceTime.init)
        else { throw Self.malformed("a token whose end is no time") }
        lifetime = max(0, Double(expires.seconds) - (date ?? Double(issued.seconds)))
    }

    private static func malformed(_ reason: String) -> OpenStackError {
        OpenStackError(.malformed, "Keystone answered \(reason)")
    }
}
