// Who signs the requests of a source.
// SPDX-License-Identifier: Apache-2.0

/// What makes a server answer: headers that the user gave, a password, a token that ends.
package protocol RequestCredentials: Sendable {
    /// What a request to `origin` carries. Called for the origin that the source was named with and for no other.
    func headers(for origin: WebOrigin, until deadline: Deadline) throws(TransportError) -> [HTTPHeader]

    /// Grows with each renewal, whoever asked for it.
    var generation: Int { get }

    /// After an answer of 401 or 403: true where something new is there to try; one renewal for all who ask at once.
    func renew(after answer: Int, until deadline: Deadline) throws(TransportError) -> Bool
}

extension RequestCredentials {
    package var generation: Int { 0 }
}

/// Headers that were given for one origin and stay as they are.
package struct FixedCredentials: RequestCredentials {
    private let origin: WebOrigin
    private let headers: [HTTPHeader]

    /// `headers` go to the origin of `address` only, as do the user and password that it names.
    package init(for address: WebAddress, headers: [HTTPHeader] = []) {
        origin = address.origin
        let isSigned = headers.contains { $0.name.lowercased() == "authorization" }
        let basic = isSigned ? nil : address.userInformation.map { Self.basic($0.bytes) }
        self.headers = headers + (basic.map { [$0] } ?? [])
    }

    package func headers(for origin: WebOrigin, until deadline: Deadline) -> [HTTPHeader] {
        origin == self.origin ? headers : []
    }

    package func renew(after answer: Int, until deadline: Deadline) -> Bool { false }

    /// Spec: RFC 7617, 2.
    static func basic(_ userAndPassword: [UInt8]) -> HTTPHeader {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        // `user` alone stands for an empty password.
        let bytes = userAndPassword + (userAndPassword.contains(UInt8(ascii: ":")) ? [] : [UInt8(ascii: ":")])
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let word = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for position in 0..<4 {
                let digit = Int(word >> UInt32(18 - 6 * position) & 63)
                text.append(position <= group.count ? alphabet[digit] : UInt8(ascii: "="))
            }
        }
        return HTTPHeader(
            checked: "Authorization", "Basic " + String(decoding: text, as: UTF8.self), isSecret: true)
    }
}
