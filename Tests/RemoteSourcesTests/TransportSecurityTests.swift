// Tests of the files that a TLS connection is given.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import RemoteSources

@Suite("Transport security")
struct TransportSecurityTests {
    @Test("a pipe in place of authorities, certificate or key is named, and not opened")
    func pipe() throws {
        let folder = NSTemporaryDirectory() + "ovafs-security-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let pipe = folder + "/pipe"
        let made = unsafe mkfifo(pipe, 0o600)
        #expect(made == 0)
        let file = folder + "/file"
        try Data("x".utf8).write(to: URL(fileURLWithPath: file))
        // Files of /proc have no length, and reading one may wait for ever.
        let empty = folder + "/empty"
        try Data().write(to: URL(fileURLWithPath: empty))
        var security = TransportSecurity { _ in nil }
        #expect(security.fileThatIsNone == nil)
        security.authoritiesPath = file
        security.certificatePath = folder + "/nothing"
        #expect(security.fileThatIsNone == nil)
        security.keyPath = empty
        #expect(security.fileThatIsNone == empty)
        security.keyPath = pipe
        #expect(security.fileThatIsNone == pipe)
        security.authoritiesPath = folder
        #expect(security.fileThatIsNone == folder)
    }
}
