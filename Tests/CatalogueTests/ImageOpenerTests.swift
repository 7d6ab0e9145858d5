// Tests of opening an image whose service refuses its data: what a folder gets for which answer.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import FileTree
import TestSupport
import Testing

@testable import Catalogue
@testable import RemoteSources

@Suite("Opening an image of a catalogue")
struct ImageOpenerTests {
    /// What opening the folder of an active image throws; its service describes it with `members`, and answers requests for
    /// its data with `status`.
    private static func failure(ofData status: Int, members: String = "\"status\": \"active\"") throws
        -> FolderFailure?
    {
        let listed = try #require(CatalogueImage(try CatalogueListingTests.image(1, "a")))
        let server = try WebServer { request, connection in
            guard !request.path.hasSuffix("/file") else { return connection.answer(status) }
            connection.answer(
                200, [],
                """
                {"id": "\(FolderNamesTests.id(1))", "name": "a", "size": 1000, "os_hash_algo": "sha512",
                "os_hash_value": "aa", "disk_format": "raw", "container_format": "bare", \(members)}
                """)
        }
        let transport = try HTTPTransport()
        defer {
            transport.stop()
            server.stop()
        }
        let variables = ["OS_AUTH_TYPE": "none", "OS_ENDPOINT": server.url("")]
        let settings = try CloudsConfiguration.read(
            from: ConfigurationSearch(environment: variables, look: { _ in .absent }))
        let client = GlanceClient(KeystoneSession(settings, exchanger: transport))
        let access = RemoteAccess(
            transport: transport, cache: BlockCache(byteLimit: 16 << 20), timeoutInSeconds: 30)
        let opener = ImageOpener(
            client, through: access, options: ApplianceOptions(), showsControlDirectory: false
        ) { _ in }
        do throws(FolderFailure) {
            _ = try opener.open(listed, until: Deadline(after: 30))
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "data that is refused is refused to who enters, and data that has gone is gone",
        arguments: [
            (401, FolderFailure.Kind.refused), (403, .refused), (404, .gone), (410, .gone),
            (204, .unreadable), (402, .unreadable),
        ])
    func data(status: Int, kind: FolderFailure.Kind) throws {
        let failure = try #require(try Self.failure(ofData: status))
        #expect(failure.kind == kind, "\(failure)")
    }

    @Test("an image that was deactivated or deleted since it was listed")
    func since() throws {
        let deactivated = try #require(
            try Self.failure(ofData: 403, members: "\"status\": \"deactivated\""))
        #expect(deactivated.kind == .refused && deactivated.description.contains("is deactivated"))
        let replaced = try #require(
            try Self.failure(
                ofData: 404, members: "\"status\": \"active\", \"os_hash_value\": \"bb\""))
        #expect(replaced.kind == .gone)
    }
}
