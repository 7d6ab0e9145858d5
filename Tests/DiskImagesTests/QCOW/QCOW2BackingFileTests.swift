// Tests of what qcow and qcow2 images say of their backing files.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import TestSupport
import Testing

@Suite("Backing files of qcow and qcow2")
struct QCOW2BackingFileTests {
    private static let name = Array("base.img".utf8)

    /// An image with a backing file whose format is stated as `format`.
    private func image(_ format: String?, _ builder: QCOWBuilder = .usual) -> BuiltQCOW {
        builder.with {
            $0.backingName = Self.name
            if let format { $0.extensions = [(QCOWBuilder.formatExtension, Array(format.utf8))] }
        }.build()
    }

    private func parent(_ image: BuiltQCOW) throws -> ParentReference? {
        try image.openedAlone().parent
    }

    private func refusal(_ image: BuiltQCOW) -> String {
        let error = #expect(throws: ReadError.self) { try image.openedAlone() }
        return error.map(String.init(describing:)) ?? ""
    }

    @Test("an image without a name has no parent")
    func none() throws {
        #expect(try parent(QCOWBuilder.usual.build()) == nil)
        #expect(try parent(QCOWBuilder.first.build()) == nil)
    }

    @Test(
        "the stated format says how the backing file is read",
        arguments: [
            ("raw", .raw), ("qcow2", .family("qcow2")), ("qcow", .family("qcow")), ("vmdk", .family("vmdk")),
            ("vpc", .family("vhd")), ("vhdx", .family("vhdx")), ("vdi", .family("vdi")),
            ("parallels", .family("parallels")), ("cloop", .family("cloop")), ("", .unstated),
        ] as [(String, ParentReference.Content)], [QCOWBuilder.usual, .version2])
    func formats(format: (name: String, content: ParentReference.Content), builder: QCOWBuilder) throws {
        #expect(
            try parent(image(format.name, builder))
                == ParentReference(names: [Self.name], content: format.content))
    }

    @Test("without a stated format nothing is guessed", arguments: [QCOWBuilder.usual, .version2, .first])
    func unstated(builder: QCOWBuilder) throws {
        #expect(
            try parent(image(nil, builder)) == ParentReference(names: [Self.name], content: .unstated))
    }

    @Test(
        "a format that is not known is refused",
        arguments: ["luks", "nbd", "host_device", "RAW", "raw ", "\u{1b}[2J"])
    func unknown(format: String) {
        let text = refusal(image(format))
        #expect(text.contains("builds on a file in the format"))
        #expect(!text.contains("\u{1b}"))
    }

    @Test("extensions before the format are passed over, and those behind the end are not looked at")
    func otherExtensions() throws {
        let built = image("raw").bytes
        #expect(!built.isEmpty)
        let passed = QCOWBuilder.usual.with {
            $0.backingName = Self.name
            $0.extensions = [
                (0x6803_f857, [UInt8](repeating: 1, count: 97)), (0x1234_5678, []),
                (QCOWBuilder.formatExtension, Array("raw".utf8)),
            ]
        }.build()
        #expect(try parent(passed)?.content == .raw)
        let ended = QCOWBuilder.usual.with {
            $0.backingName = Self.name
            $0.extensions = [(0, []), (QCOWBuilder.formatExtension, Array("raw".utf8))]
        }.build()
        #expect(try parent(ended)?.content == .unstated)
    }

    @Test("two formats are refused, unless they are the same")
    func twoFormats() throws {
        func twice(_ second: String) -> BuiltQCOW {
            QCOWBuilder.usual.with {
                $0.backingName = Self.name
                $0.extensions = ["raw", second].map { (QCOWBuilder.formatExtension, Array($0.utf8)) }
            }.build()
        }
        #expect(refusal(twice("qcow2")).contains("two extensions state different formats"))
        #expect(try parent(twice("raw"))?.content == .raw)
    }

    @Test("an extension that is longer than its room is refused", arguments: [1_000, UInt32.max])
    func longExtension(byteCount: UInt32) {
        var built = image("raw")
        built.setHeader(byteCount, at: 112 + 4)
        #expect(refusal(built).contains("the extension has \(byteCount) bytes"))
    }

    @Test("names of 1 to 1,023 bytes are read", arguments: [1, 1_023])
    func names(byteCount: Int) throws {
        let name = [UInt8](repeating: 0x2f, count: byteCount)
        let built = QCOWBuilder.twoTables.with { $0.backingName = name }.build()
        // A name with slashes is handed on as it is: who looks for the file refuses it.
        #expect(try parent(built)?.names == [name])
    }

    @Test("other lengths are refused", arguments: [0, 1_024, UInt32.max])
    func nameLengths(byteCount: UInt32) {
        for builder in [QCOWBuilder.usual, .first] {
            var built = image(nil, builder)
            built.setHeader(byteCount, at: 16)
            #expect(refusal(built).contains("the name of the backing file has \(byteCount) bytes"))
        }
    }

    @Test("a name behind the first cluster is read, one past the end or in the header is not")
    func nameLimits() throws {
        var built = image("raw")
        built.setHeader(UInt64(built.bytes.count), at: 8)
        #expect(refusal(built).contains("name of the backing file"))
        built.bytes += Self.name
        #expect(try parent(built) == ParentReference(names: [Self.name], content: .raw))
        built.setHeader(UInt64.max, at: 8)
        #expect(refusal(built).contains("name of the backing file"))
        built.setHeader(UInt64(64), at: 8)
        #expect(refusal(built).contains("inside of the header"))
    }
}
