// Tests of controllers, addresses, adapters and root disks.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import OVFPackage

@Suite("The storage of a virtual system")
struct StorageLayoutTests {
    private typealias Build = EnvelopeBuilder

    private func layout(_ items: String) throws -> StorageLayout {
        try StorageLayout.layouts(of: Build(items: items).envelope())[0]
    }

    @Test(
        "HostResource is ovf:/disk/, /disk/, ovf://disk/ or the same with file",
        arguments: [
            ("ovf:/disk/vmdisk1", StorageLayout.Backing.disk(0)), ("/disk/vmdisk1", .disk(0)),
            ("ovf://disk/vmdisk1", .disk(0)), ("//disk/vmdisk1", .disk(0)), ("ovf:/file/file1", .file(0)),
            ("/file/file1", .file(0)), ("vmdisk1", .disk(0)), ("ovf:/disk/none", .missing("ovf:/disk/none")),
            ("/file/none", .missing("/file/none")), ("nonsense", .empty),
        ])
    func hostResources(text: String, backing: StorageLayout.Backing) throws {
        let layout = try layout(Build.disk(text))
        #expect(layout.drives.map(\.backing) == [backing])
        let isFound =
            switch backing {
            case .disk, .file: true
            case .empty, .missing: false
            }
        #expect(layout.warnings.isEmpty == isFound)
    }

    @Test("types 17, 15, 16 and 14 are disks, CD and DVD drives, and floppy drives")
    func kinds() throws {
        let items = [17, 15, 16, 14].map { Build.item(["InstanceID": "1\($0)", "ResourceType": "\($0)"]) }
        #expect(try layout(items.joined()).drives.map(\.kind) == [.disk, .cd, .cd, .floppy])
    }

    @Test("the bus index is the order of the controllers' addresses, kind by kind")
    func busIndices() throws {
        let items =
            Build.controller(6, id: 1, address: 1) + Build.controller(6, id: 2, address: 0)
            + Build.controller(5, id: 3, address: 7)
            + Build.controller(20, id: 4, subtype: "vmware.sata.ahci")
            + Build.controller(20, id: 5, subtype: "vmware.nvme.controller")
            + (1...5).map { Build.disk("/disk/vmdisk1", id: 10 + $0, parent: $0, unit: $0) }.joined()
        #expect(
            try layout(items).drives.map(\.busAddress) == [
                "scsi1:1", "scsi0:2", "ide0:3", "sata0:4", "nvme0:5",
            ])
    }

    @Test("a drive without AddressOnParent takes the lowest unit that is free")
    func freeUnits() throws {
        let items =
            Build.controller(6, id: 1) + Build.disk("/disk/vmdisk1", id: 11, parent: 1)
            + Build.disk("/disk/vmdisk1", id: 12, parent: 1, unit: 0)
            + Build.disk("/disk/vmdisk1", id: 13, parent: 1)
        #expect(try layout(items).drives.map(\.busAddress) == ["scsi0:1", "scsi0:0", "scsi0:2"])
    }

    @Test("two drives at one address, and a parent that is no controller, are reported")
    func questionable() throws {
        let items =
            Build.controller(6, id: 1) + Build.disk("/disk/vmdisk1", id: 11, parent: 1, unit: 0)
            + Build.disk("/disk/vmdisk1", id: 12, parent: 1, unit: 0)
            + Build.disk("/disk/vmdisk1", id: 13, parent: 9)
        let layout = try layout(items)
        #expect(Set(layout.warnings.map(\.code)) == [.busAddressShared, .controllerMissing])
        #expect(layout.drives.last?.busAddress == nil)
    }

    @Test(
        "the adapter is the first known subtype, in Nova's spelling; SCSI without one is lsiLogic",
        arguments: [
            (6, "lsilogic", AdapterType.lsiLogic), (6, "LsiLogicSAS", .lsiLogicsas),
            (6, "VirtualSCSI", .paraVirtual),
            (6, "pvscsi", .paraVirtual), (6, "buslogic", .busLogic),
            (6, "alien buslogic,lsilogic", .busLogic),
            (6, "", .lsiLogic), (6, "alien", .lsiLogic), (5, "PIIX4", .ide), (20, "AHCI", nil),
        ] as [(Int, String, AdapterType?)])
    func adapters(type: Int, subtype: String, adapter: AdapterType?) throws {
        let layout = try layout(
            Build.controller(type, id: 1, subtype: subtype) + Build.disk("/disk/vmdisk1", parent: 1))
        #expect(layout.drives[0].adapter == adapter)
        #expect(layout.warnings.contains { $0.code == .adapterUnknown } == (subtype == "alien"))
    }

    @Test("a VMDK's own adapter type is understood too")
    func vmdkAdapters() {
        #expect(AdapterType(vmdkDescriptor: "lsilogic") == .lsiLogic)
        #expect(AdapterType(vmdkDescriptor: "ide") == .ide)
        #expect(AdapterType(vmdkDescriptor: "legacyESX") == .busLogic)
        #expect(AdapterType(vmdkDescriptor: "x") == nil)
    }

    private static let threeFiles = (1...3).map { "<File ovf:id=\"f\($0)\" ovf:href=\"d\($0)\"/>" }.joined()
    private func disks(bootable: Int? = nil) -> String {
        (1...3).map {
            "<Disk ovf:diskId=\"d\($0)\" ovf:fileRef=\"f\($0)\" ovf:capacity=\"1\" \(bootable == $0 ? "ovf:boot=\"true\"" : "")/>"
        }.joined()
    }

    private func choices(_ builder: Build, absent: Set<Int> = []) throws -> [RootDisk.Choice] {
        let envelope = try builder.envelope()
        return RootDisk.rootDisks(of: envelope, StorageLayout.layouts(of: envelope)) { !absent.contains($0) }
    }

    private func rootDisks(_ builder: Build, absent: Set<Int> = []) throws -> [RootDisk?] {
        try choices(builder, absent: absent).map(\.disk)
    }

    @Test("root disk, rule a: the disk with the boot flag")
    func bootFlag() throws {
        let root = try rootDisks(
            Build(files: Self.threeFiles, disks: disks(bootable: 3), items: Build.disk("/disk/d2")))[0]
        #expect(root == RootDisk(diskIndex: 2, rule: .bootFlag, novaDiskIndex: 0))
        #expect(root?.differsFromNova == true)
    }

    @Test("root disk, rule b: the first disk item that has a file")
    func firstItem() throws {
        let items = Build.disk("/disk/d3", id: 1) + Build.disk("/disk/d2", id: 2)
        let builder = Build(files: Self.threeFiles, disks: disks(), items: items)
        #expect(try rootDisks(builder)[0] == RootDisk(diskIndex: 2, rule: .firstDiskItem, novaDiskIndex: 0))
    }

    @Test(
        "where the root disk's file is missing there is none, by every rule, and it is said which one it would be"
    )
    func missingRootDisk() throws {
        let items = Build.disk("/disk/d3", id: 1) + Build.disk("/disk/d2", id: 2)
        let both = Build(files: Self.threeFiles, disks: disks(), items: items)
        let flagged = Build(files: Self.threeFiles, disks: disks(bootable: 2), items: items)
        let unattached = Build(files: Self.threeFiles, disks: disks())
        let dangling = Build(
            files: Self.threeFiles, disks: disks().replacingOccurrences(of: "\"f3\"", with: "\"none\""),
            items: items)
        for (builder, absent, name) in [
            (both, [2], "d3"), (flagged, [1], "d2"), (unattached, [0], "d1"), (dangling, [], "d3"),
        ] as [(Build, Set<Int>, String)] {
            let choice = try choices(builder, absent: absent)[0]
            #expect(choice.disk == nil)
            #expect(choice.problem?.contains("\"\(name)\"") == true, "\(choice)")
        }
        // An item that names a disk that the descriptor does not have.
        let unknown = Build(
            files: Self.threeFiles, disks: disks(),
            items: Build.disk("/disk/d9", id: 1) + Build.disk("/disk/d2", id: 2))
        #expect(try choices(unknown)[0].disk == nil && choices(unknown)[0].problem != nil)
        // One that is blank when deployed is not missing; and what is missing behind the root disk matters nothing.
        let blank = "<Disk ovf:diskId=\"blank\" ovf:capacity=\"1\"/>"
        let behindBlank = Build(
            files: Self.threeFiles, disks: blank + disks(), items: Build.disk("/disk/blank", id: 9) + items)
        #expect(try rootDisks(behindBlank)[0]?.diskIndex == 3)
        #expect(try rootDisks(both, absent: [0, 1])[0]?.diskIndex == 2)
        let systemless = Build(files: Self.threeFiles, disks: disks(), content: "")
        let choice = RootDisk.rootDisk(withoutSystem: try systemless.envelope()) { $0 != 0 }
        #expect(choice.disk == nil && choice.problem != nil)
    }

    @Test("root disk, rule c: the first disk with a file reference, as Nova does")
    func firstFile() throws {
        let blank = "<Disk ovf:diskId=\"blank\" ovf:capacity=\"1\"/>"
        let root = try rootDisks(Build(files: Self.threeFiles, disks: blank + disks()))[0]
        #expect(root == RootDisk(diskIndex: 1, rule: .firstDiskWithFile, novaDiskIndex: 1))
        #expect(root?.differsFromNova == false)
    }

    @Test("each system of a collection has its own root disk")
    func collection() throws {
        let builder = Build()
        let content =
            builder.system("a", Build.disk("/disk/d1")) + builder.system("b", Build.disk("/disk/d2"))
            + builder.system("c", "")
        let roots = try rootDisks(
            Build(
                files: Self.threeFiles, disks: disks(bootable: 2),
                content: "<VirtualSystemCollection>\(content)</VirtualSystemCollection>"))
        #expect(roots.map { $0?.diskIndex } == [0, 1, nil])
        #expect(roots.map { $0?.rule } == [.firstDiskItem, .bootFlag, nil])
    }

    @Test(
        "units: every spelling, and no unit is bytes",
        arguments: [
            (nil, 1), ("", 1), ("byte", 1), ("bytes", 1), ("byte * 2^30", 1 << 30), ("byte*2^30", 1 << 30),
            ("byte * 2 ^ 20", 1 << 20), ("byte*1024*1024", 1 << 20), ("byte * 2^10 * 1024", 1 << 20),
            ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1 << 10), ("MB", 1 << 20),
            ("GB", 1 << 30),
            ("KiloBytes", 1 << 10), ("MegaBytes", 1 << 20), ("GigaBytes", 1 << 30), ("TB", 1 << 40),
            ("\n\t byte *\n 2^20\t", 1 << 20), ("BYTE*10^3", 1000),
        ] as [(String?, UInt64)])
    func units(text: String?, byteCount: UInt64) {
        #expect(AllocationUnits(text)?.byteCount == byteCount)
    }

    @Test(
        "what is no unit of bytes, or overflows, is none",
        arguments: [
            "hertz * 10^6", "byte * 2^64", "byte*0", "byte * -2", "byte * 2^-1", "byte **2", "2^30", "byte*x",
        ])
    func unknownUnits(text: String) {
        #expect(AllocationUnits(text) == nil)
    }
}
