// Disk images that others made, decoded whole and compared with what qemu-img gave.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Crypto
import DiskImages
import SystemPackage
import TestSupport
import Testing

@Suite("Sample images", .enabled(if: SampleFiles.arePresent, "../shared/corpus is absent"))
struct CorpusDiskTests {
    @Test("a disk of the README has the content that it says", arguments: try SampleFiles.readableDisks())
    func readme(sample: SampleFiles.Disk) throws {
        let opened = try OpenedImage(try SampleFiles.file(sample.path), named: sample.path)
        #expect(opened.image.virtualByteCount == sample.byteCount)
        #expect(try digest(of: opened.disk) == sample.digest)
        #expect(opened.image.allocatedByteCount <= opened.image.virtualByteCount)
    }

    @Test("the README names the disks that are meant")
    func readmeRows() throws {
        #expect(try SampleFiles.readableDisks().count == 8)
    }

    @Test(
        "a disk inside an archive has the content that it should",
        arguments: [
            (
                "third-party/vmware+go-vcloud-director/test_vapp_template.ova",
                "vm-20b41fa7-3212-4faf-9295-045d0bc49783-disk-0.vmdk",
                "80a3721188e40218b08b26776bc53bdae81e4784fff71d71450a197319cba113"
            ),
            (
                "third-party/Awingu+open-ovf/ourOVF.ova", "Ubuntu-0.vmdk",
                "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"
            ),
            (
                "generated/edge/V22-vhd-fixed.ova", "input.vmdk",
                "f8577675cf09ffff0933bf71e964ac767c7553c59e99ad511fdfe2891ee23fc8"
            ),
        ])
    func inArchive(path: String, member: String, expected: String) throws {
        let opened = try OpenedImage(try SampleFiles.member(member, of: path), named: member)
        #expect(try digest(of: opened.disk) == expected)
    }

    @Test(
        "what holds no disk of its own, or one that is not decoded, is refused",
        arguments: [
            ("SecurityRonin+vmdk-forensic/tw_sparse.vmdk", "is a disk of other files"),
            ("LTRData+DiscUtils/swap.vhdx.gz", "gzip"),
            ("kubevirt+containerized-data-importer/invalid-qcow-large-size.img", "qcow"),
            ("kubevirt+containerized-data-importer/cirros-snapshot2.qcow2", "builds on another file"),
            ("ganeti+ganeti/compr_disk.vmdk.gz", "gzip"),
            ("masahiro331+go-vmdk-parser/vmdk-invalid.img", "cut short or changed by a transfer"),
        ])
    func refused(path: String, reason: String) throws {
        let file = try SampleFiles.file("third-party/" + path)
        let error = #expect(throws: ReadError.self) { try OpenedImage(file) }
        #expect("\(error.map(String.init(describing:)) ?? "")".contains(reason))
    }

    @Test(
        "a damaged disk of V30 gives the right bytes or an error, grain by grain", arguments: [1, 2, 3],
        [false, true])
    func damaged(number: Int, lenient: Bool) throws {
        let name = ["cut.vmdk", "flip.vmdk", "gte.vmdk"][number - 1]
        let file = try SampleFiles.member(name, of: "generated/hostile/V30-damaged-vmdk.ova")
        let reference = try SampleFiles.file("generated/ref/V30-damaged-vmdk.\(number).raw")
        let damaged: [Range<UInt64>] = [[], [196_608..<262_144], [131_072..<196_608]][number - 1]
        do throws(ReadError) {
            let opened = try OpenedImage(file, named: name, options: .init(lenient: lenient))
            let expected = try reference.bytes(Int(reference.byteCount), at: 0)
            #expect(opened.violations(expected: expected, damaged: damaged) == [])
        } catch {
            // Only the one that is cut off does not open, and leniently it does.
            #expect(number == 1 && !lenient)
            #expect("\(error)".contains("at least 1024 bytes are missing"))
        }
    }

    @Test("an image with a grain size of 0 is refused, and its neighbours are read")
    func grainSizeZero() throws {
        let path = "generated/hostile/V30-damaged-vmdk.ova"
        #expect(throws: ReadError.self) { try OpenedImage(try SampleFiles.member("grain0.vmdk", of: path)) }
        let first = try OpenedImage(try SampleFiles.member("good-first.vmdk", of: path))
        #expect(
            try digest(of: first.disk) == "7b33b29acc0bad4c8971baeab88e2e95a6ca6c18e2faa3dc3900e67200ca8e94")
        let last = try OpenedImage(try SampleFiles.member("good-last.vmdk", of: path))
        #expect(
            try digest(of: last.disk) == "dbccff782ee4bc9d42922ea7fbd7a6dcf8569c5d3f38d016bcfd78c7f28eaedb")
    }

    @Test("a descriptor that names a host file is refused with the name, not the content")
    func hostFile() throws {
        let file = try SampleFiles.member("flat.vmdk", of: "generated/hostile/V31-host-file.ova")
        let error = #expect(throws: ReadError.self) {
            try OpenedImage(file, named: "flat.vmdk", neighbours: MemoryNeighbours(files: [:]))
        }
        #expect("\(error.map(String.init(describing:)) ?? "")".contains("it leads to another folder"))
    }

    private func digest(of disk: GuestDisk) throws -> String {
        var hash = SHA256()
        var position: UInt64 = 0
        while position < disk.byteCount {
            let count = Int(min(1 << 20, disk.byteCount - position))
            hash.update(data: try disk.bytes(count, at: position))
            position += UInt64(count)
        }
        return hash.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
