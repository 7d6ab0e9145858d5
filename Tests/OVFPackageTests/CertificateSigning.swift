// A manifest that a test has openssl sign.
// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import OVFPackage

/// A signed manifest in a folder of its own.
final class Signing {
    let scratch: ScratchFolder
    let manifest = Array("SHA256(a.ovf)= 00\n".utf8)

    /// Makes a key and a certificate that signs itself.
    init(key: [String] = ["rsa:2048"], days: Int = 30, name: String = "signer") throws {
        scratch = try ScratchFolder()
        try scratch.write("a.mf", manifest)
        let options = key.dropFirst().flatMap { ["-pkeyopt", $0] }
        try openssl(
            ["req", "-newkey", key[0]] + options
                + ["-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/O=Test/CN=\(name)"])
        try scratch.write("extensions", Array("basicConstraints=critical,CA:TRUE\n".utf8))
        try openssl([
            "x509", "-req", "-in", "request.pem", "-signkey", "key.pem", "-days", "\(days)", "-out",
            "cert.pem",
            "-extfile", "extensions",
        ])
    }

    func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = arguments
        process.currentDirectoryURL = scratch.url
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw OpenSSLFailure(arguments: arguments) }
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: scratch.url.appending(path: name)))
    }

    /// The form with a line of digits.
    func line(_ digest: String = "sha256", spelling: String = "SHA256") throws -> [UInt8] {
        try openssl(["dgst", "-\(digest)", "-sign", "key.pem", "-out", "signature", "a.mf"])
        let digits = Hexadecimal.text(try bytes("signature"))
        return Array("\(spelling)(a.mf)= \(digits)\n".utf8) + (try bytes("cert.pem"))
    }

    func cms(_ options: [String] = []) throws -> [UInt8] {
        try openssl(
            [
                "cms", "-sign", "-binary", "-in", "a.mf", "-signer", "cert.pem", "-inkey", "key.pem",
                "-outform", "PEM",
            ]
                + ["-out", "a.cert"] + options)
        return try bytes("a.cert")
    }

    func report(_ certificate: [UInt8], on manifest: [UInt8]? = nil, isTrusted: Bool = true) async throws
        -> CertificateReport
    {
        await CertificateFile(parsing: certificate).report(
            on: manifest ?? self.manifest, named: Array("a.mf".utf8),
            trusting: isTrusted ? TrustAnchors(pem: try bytes("cert.pem")) : nil)
    }
}

struct OpenSSLFailure: Error {
    let arguments: [String]
}

extension CertificateReport.Trust {
    /// Whether it is not trusted for a reason that `words` are part of.
    func isUntrusted(for words: String) -> Bool {
        if case .untrusted(let reason) = self { reason.contains(words) } else { false }
    }
}
