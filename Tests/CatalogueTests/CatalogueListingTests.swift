// Tests of how one list of images follows from the one before: which folders stay, go, and are new.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree
import TestSupport
import Testing

@testable import Catalogue
@testable import RemoteSources

@Suite("The list of a catalogue")
struct CatalogueListingTests {
    /// An image as a service describes it; later arguments win.
    static func image(_ number: Int, _ name: String, _ members: String = "") throws -> GlanceImage {
        let text = """
            {"id": "\(FolderNamesTests.id(number))", "name": "\(name)", "status": "active", "size": 1000,
            "os_hash_algo": "sha512", "os_hash_value": "aa", "disk_format": "raw", "container_format": "bare",
            "updated_at": "2026-11-21T10:00:00Z"\(members.isEmpty ? "" : ", " + members)}
            """
        return try GlanceImage(try JSONParser.parse(Array(text.utf8)))
    }

    /// The same with another member in place of one.
    private static func image(_ number: Int, _ name: String, replacing old: String, by new: String) throws
        -> GlanceImage
    {
        let text = """
            {"id": "\(FolderNamesTests.id(number))", "name": "\(name)", "status": "active", "size": 1000,
            "os_hash_algo": "sha512", "os_hash_value": "aa", "updated_at": "2026-11-21T10:00:00Z"}
            """
        let pieces = text.split(separator: old, omittingEmptySubsequences: false)
        return try GlanceImage(try JSONParser.parse(Array(pieces.joined(separator: new).utf8)))
    }

    private static func names(_ listing: CatalogueListing) -> [String] {
        listing.folders.folders.map { String(decoding: $0.name, as: UTF8.self) }
    }

    private static func number(_ listing: CatalogueListing, _ name: String) -> UInt64? {
        listing.folders.folder(named: Array(name.utf8))?.number
    }

    @Test("an image keeps its number; a new one gets a higher one; one that went and came back is new")
    func numbers() throws {
        let (a, b, c) = (try Self.image(1, "a"), try Self.image(2, "b"), try Self.image(3, "c"))
        let first = try CatalogueListing().next([b, a])
        #expect(Self.names(first) == ["a", "b"] && Self.number(first, "a") == Folder.firstNumber)
        let second = try first.next([c, b])
        #expect(Self.names(second) == ["b", "c"])
        #expect(Self.number(second, "b") == Self.number(first, "b"))
        let third = try second.next([c, b, a])
        #expect(Self.names(third) == ["b", "c", "a"])
        let a1 = try #require(Self.number(first, "a"))
        #expect(third.folders.folder(a1) == nil)
        let (c2, a3) = (Self.number(second, "c") ?? .max, Self.number(third, "a") ?? 0)
        #expect(a3 > c2)
        // An empty list in between gives no number twice either.
        let empty = try third.next([])
        #expect(empty.folders.folders.isEmpty)
        let last = try empty.next([a])
        #expect(Self.number(last, "a") ?? 0 > a3)
    }

    @Test("other data is another folder; another name, time or property is the same one")
    func replaced() throws {
        let first = try CatalogueListing().next([try Self.image(1, "a")])
        let number = try #require(Self.number(first, "a"))
        for (old, new) in [("\"aa\"", "\"bb\""), ("1000", "1001")] {
            let next = try first.next([try Self.image(1, "a", replacing: old, by: new)])
            #expect(Self.number(next, "a") ?? 0 > number, "\(old)")
        }
        let later = try first.next([try Self.image(1, "z", replacing: "21T10:00:00", by: "21T10:00:07")])
        let folder = try #require(later.folders.folder(named: Array("z".utf8)))
        #expect(folder.number == number && later.folders.folder(named: Array("a".utf8)) == nil)
        let before = try #require(first.folders.folder(number))
        #expect(folder.modificationTime == before.modificationTime + 7)
        let withProperty = try first.next([try Self.image(1, "a", "\"p\": \"v\"")])
        #expect(Self.number(withProperty, "a") == number)
    }

    @Test("an image has a folder while it has data, and so have its name's other owners their plain names")
    func withoutData() throws {
        for status in ["queued", "saving", "deactivated", "killed", "deleted", "pending_delete", "odd"] {
            let without = try Self.image(1, "a", replacing: "\"active\"", by: "\"\(status)\"")
            let listing = try CatalogueListing().next([without, try Self.image(2, "a")])
            #expect(Self.names(listing) == ["a"], "\(status)")
            let folder = try #require(listing.folders.folders.first)
            #expect(listing.image(of: folder)?.id.hasSuffix("2") == true)
        }
        let empty = try Self.image(1, "a", replacing: "1000", by: "0")
        let listing = try CatalogueListing().next([empty])
        #expect(listing.folders.folders.isEmpty)
    }

    @Test("a folder is found by the image's id, too, and says what the service says")
    func attributes() throws {
        let listing = try CatalogueListing().next([
            try Self.image(1, "a", "\"virtual_size\": 4096"), try Self.image(2, FolderNamesTests.id(2)),
        ])
        let folder = try #require(listing.folders.folder(named: Array(FolderNamesTests.id(1).utf8)))
        #expect(folder.name == Array("a".utf8) && folder.byteCount == 1_000)
        #expect(folder.modificationTime == 1_795_255_200)
        let values = folder.extendedAttributes().map { "\($0.name)=\($0.value() ?? "-")" }
        #expect(
            values == [
                "user.ova.image-id=\(FolderNamesTests.id(1))", "user.ova.image-name=a",
                "user.ova.status=active", "user.ova.container-format=bare", "user.ova.disk-format=raw",
                "user.ova.stored-size=1000", "user.ova.virtual-size=4096",
            ])
        #expect(Self.number(listing, FolderNamesTests.id(2)) != nil)
    }

    @Test("thousands of images are one list, and each page twice is no image twice")
    func many() throws {
        var images = try (1...3_000).map { try Self.image($0, "n\($0 % 1_500)") }
        images += images.prefix(10)
        let listing = try CatalogueListing().next(images)
        #expect(listing.folders.folders.count == 3_000)
        #expect(Set(listing.folders.folders.map(\.name)).count == 3_000)
        #expect(listing.folders.folders(from: listing.folders.folders[2_990].number).count == 10)
        #expect(
            listing.folders.folders(from: .max).isEmpty && listing.folders.folders(from: 0).count == 3_000)
    }
}

@Suite("A catalogue of images")
struct ImageCatalogueTests {
    /// A service of closures.
    private final class Service: Sendable {
        let answers = SleepingMutex<[Result<[GlanceImage], OpenStackError>]>([])

        func list() throws(OpenStackError) -> [GlanceImage] {
            try answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }.get()
        }
    }

    private static func catalogue(
        _ service: Service, timeLimit: Double = 60,
        opening: @escaping ImageCatalogue.Opening = { _, _ throws(FolderFailure) in
            OpenFolder(FileTreeBuilder(directoryTime: 0, budget: OpeningBudget()).build())
        }
    ) throws -> ImageCatalogue {
        try ImageCatalogue(
            timeLimit: timeLimit, list: { _ throws(OpenStackError) in try service.list() }, opening: opening)
    }

    private static func failure(_ body: () throws(FolderFailure) -> Void) -> FolderFailure? {
        do throws(FolderFailure) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test("a list that cannot be had is an error, and the one before stays what is opened from")
    func failedList() throws {
        let service = Service()
        let image = try CatalogueListingTests.image(1, "a")
        service.answers.withLock {
            $0 = [.success([image]), .failure(OpenStackError(.unavailable, "away")), .success([])]
        }
        let catalogue = try Self.catalogue(service)
        let folder = try #require(catalogue.firstList.folders.first)
        let failure = Self.failure { () throws(FolderFailure) in _ = try catalogue.renewedList() }
        #expect(failure?.kind == .unreadable && failure?.description == "away")
        _ = try catalogue.open(folder)
        let renewed = try catalogue.renewedList()
        #expect(renewed.folders.isEmpty)
        let gone = Self.failure { () throws(FolderFailure) in _ = try catalogue.open(folder) }
        #expect(gone?.kind == .gone)
    }

    @Test("a first list that cannot be had is the cloud's own error")
    func first() throws {
        let service = Service()
        service.answers.withLock { $0 = [.failure(OpenStackError(.refused, "no"))] }
        #expect(throws: OpenStackError(.refused, "no")) { _ = try Self.catalogue(service) }
    }

    @Test("what a cloud answers is what a folder gets: refused, gone, or not read")
    func kinds() {
        let kinds: [(OpenStackError.Kind, FolderFailure.Kind)] = [
            (.refused, .refused), (.notFound, .gone), (.unavailable, .unreadable), (.malformed, .unreadable),
            (.unusable, .unreadable), (.settings, .unreadable),
        ]
        for (kind, expected) in kinds { #expect(FolderFailure(OpenStackError(kind, "x")).kind == expected) }
        #expect(FolderFailure(ReadError.stale(source: "x")).kind == .gone)
        #expect(
            FolderFailure(ReadError.overBudget(purpose: "x", byteCount: 1, byteLimit: 0)).kind == .overBudget)
    }

    @Test("an opening that takes too long says so, and what to do")
    func slow() throws {
        let service = Service()
        let image = try CatalogueListingTests.image(1, "a")
        service.answers.withLock { $0 = [.success([image])] }
        let catalogue = try Self.catalogue(service, timeLimit: 0.01) { _, deadline throws(FolderFailure) in
            while !deadline.hasPassed() {}
            throw FolderFailure(.unreadable, "the server is silent")
        }
        let folder = try #require(catalogue.firstList.folders.first)
        let failure = Self.failure { () throws(FolderFailure) in _ = try catalogue.open(folder) }
        let words = failure?.description ?? ""
        #expect(words.contains("not opened within 0 s (the server is silent)"))
        #expect(words.contains("glance:\(FolderNamesTests.id(1))") && words.contains("timeout="))
    }
}
