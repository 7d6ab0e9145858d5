// Tests of VDI disks that build on others.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

@Suite("VDI chains")
struct VDIChainTests {
    private static func identifier(_ byte: UInt8) -> [UInt8] { Array(repeating: byte, count: 16) }

    private func base(_ blocks: [GrainContent]) -> VDIBuilder {
        VDIBuilder(blocks).with {
            $0.creation = Self.identifier(1)
            $0.modification = Self.identifier(2)
        }
    }

    private func child(_ blocks: [GrainContent], type: UInt32 = 4) -> VDIBuilder {
        VDIBuilder(blocks).with {
            $0.type = type
            $0.creation = Self.identifier(3)
            $0.modification = Self.identifier(4)
            $0.parentCreation = Self.identifier(1)
            $0.parentModification = Self.identifier(2)
        }
    }

    private func image(_ builder: VDIBuilder) throws -> any DiskImage {
        let cache = ClusterCache(byteLimit: 8 << 20)
        return try DiskImageOpener.open(
            builder.build().source, named: "disk", in: cache, for: cache.makeDiskNumber(), options: .init())
    }

    @Test(
        "a child names its parent by identity, and its own is known by the first 512 bytes",
        arguments: [3, 4])
    func reference(type: UInt32) throws {
        let image = try image(child([.text], type: type))
        #expect(
            image.parent
                == ParentReference(
                    names: [],
                    identities: [.vdi(creation: Self.identifier(1), modification: Self.identifier(2))]))
        let own = ImageIdentity.vdi(creation: Self.identifier(3), modification: Self.identifier(4))
        #expect(image.identity == own)
        #expect(try DiskImageOpener.identity(of: child([.text]).build().source) == own)
        #expect(try self.image(base([.text])).parent == nil)
        #expect(VDIFormat.identity([]) == nil)
        #expect(VDIFormat.identity(child([.text]).build().bytes[..<400]) == nil)
    }

    @Test("free is the parent's, discarded is zeros, stored is the child's")
    func content() throws {
        let parent = base([.text, .text, .text, .absent, .zeros]).build()
        let child = child([.absent, .zeros, .noise, .absent, .absent, .absent]).build()
        let files = MemoryNeighbours(files: [
            "child.vdi": child.bytes, "other.vdi": VDIBuilder([.noise]).build().bytes, "parent": parent.bytes,
            "text": Array("no disk".utf8), "empty": [],
        ])
        let disk = try files.disk("child.vdi")
        let zeros = [UInt8](repeating: 0, count: 4_096)
        #expect(try disk.bytes(4_096, at: 0)[...] == parent.guest[..<4_096])
        #expect(try disk.bytes(4_096, at: 4_096) == zeros)
        #expect(try disk.bytes(4_096, at: 8_192)[...] == child.guest[8_192..<12_288])
        #expect(try disk.bytes(3 * 4_096, at: 12_288) == zeros + zeros + zeros)
    }

    @Test("without its parent, or with a later state of it, a child is refused")
    func refusals() throws {
        let child = child([.absent]).build().bytes
        let alone = MemoryNeighbours(files: ["child": child, "other": VDIBuilder([.text]).build().bytes])
        #expect(throws: ReadError.self) { try alone.disk("child") }
        let changed = base([.text]).with { $0.modification = Self.identifier(9) }.build().bytes
        let later = MemoryNeighbours(files: ["child": child, "parent": changed])
        let error = #expect(throws: ReadError.self) { try later.disk("child") }
        #expect(error?.description.contains("identifiers differ") == true, "\(String(describing: error))")
    }
}
