// Tests of descriptors that other programs wrote, and of damaged copies of them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Testing

@testable import OVFPackage

@Suite("Descriptors of other programs", .enabled(if: Corpus.isPresent, "\(Corpus.absence)"))
struct DescriptorCorpusTests {
    private struct Expectation: Decodable {
        struct Disk: Decodable {
            let href: String
            let members: [String]?
            let chunk: UInt64?
            let wrap: String?
        }
        let id: String
        let file: String
        let mount: String
        let disks: [Disk]
        let descriptor: String?
        let manifest: String?
        let certificate: String?
    }

    @Test(
        "every descriptor is read, with its files and disks",
        arguments: Corpus.isPresent ? Corpus.files(".ovf") : [])
    func descriptors(path: String) throws {
        let envelope = try EnvelopeParser(reading: Corpus.open(path)).envelope
        let isNegative = path.contains("/Neg/")
        #expect(!envelope.files.isEmpty)
        #expect(envelope.files.allSatisfy { $0.href.isEmpty == isNegative })
        #expect(!envelope.disks.isEmpty)
        #expect(envelope.disks.contains { $0.fileIndex != nil })
        #expect(!envelope.systems.isEmpty)
    }

    @Test("what a descriptor's expectation file lists is found in its package")
    func expectations() throws {
        let url = Corpus.folder.appending(path: "generated/expectations.json")
        let records = try JSONDecoder().decode([Expectation].self, from: Data(contentsOf: url))
        #expect(records.count == 28)
        for record in records {
            let package = try OVFPackage(archive: Corpus.open("generated/\(record.file)"))
            #expect(
                package.descriptor?.displayPath == record.descriptor ?? package.descriptor?.displayPath,
                "\(record.id)")
            if let manifest = record.manifest {
                #expect(package.manifest?.displayPath == manifest, "\(record.id)")
            }
            if let certificate = record.certificate {
                #expect(package.certificate?.displayPath == certificate)
            }
            let descriptor = try #require(package.descriptor)
            if ["V36-xxe", "V37-laughs"].contains(record.id) {
                #expect(throws: DescriptorError.self) { try EnvelopeParser(reading: descriptor.source) }
                continue
            }
            let envelope = try EnvelopeParser(reading: descriptor.source).envelope
            let (files, _, _) = PackageFile.files(of: envelope, in: package)
            for disk in record.disks {
                let reference = envelope.files.firstIndex { $0.href == disk.href }
                guard let wanted = disk.members else { continue }
                guard record.mount == "ok" || disk.href.hasPrefix("good") else { continue }
                let index = try #require(reference, "\(record.id): \(disk.href)")
                #expect(
                    files[index]?.members.map { package.members[$0].displayPath } == wanted,
                    "\(record.id): \(disk.href)")
                if disk.wrap == "gz" { #expect(envelope.files[index].compression == .gzip, "\(record.id)") }
                #expect(envelope.files[index].chunkByteCount == disk.chunk)
            }
        }
    }

    @Test("a collection's systems have their disks at their addresses")
    func collection() throws {
        let path = "third-party/vmware+govmomi/ovf/external/nostalgia-ttylinux-vapp.ovf"
        let envelope = try EnvelopeParser(reading: Corpus.open(path)).envelope
        #expect(envelope.systems.map(\.id) == ["Nostalgia", "ttylinux"])
        #expect(envelope.systems.map { $0.hardware?.memoryByteCount } == [64 << 20, 16 << 20])
        let layouts = StorageLayout.layouts(of: envelope)
        let disks = layouts.map { $0.drives.filter { $0.kind == .disk } }
        #expect(disks.map { $0.map(\.busAddress) } == [["scsi0:0"], ["scsi0:0"]])
        #expect(disks.map { $0.map(\.backing) } == [[.disk(0)], [.disk(1)]])
        #expect(disks.map { $0.map(\.adapter) } == [[.busLogic], [.busLogic]])
    }

    @Test("the default configuration decides processors, memory and networks")
    func configuration() throws {
        let path = "third-party/glennmatthews+cot/input.ovf"
        let hardware = try #require(
            try EnvelopeParser(reading: Corpus.open(path)).envelope.systems[0].hardware)
        #expect(hardware.processorCount == 4)
        #expect(hardware.memoryByteCount == 4096 << 20)
        #expect(hardware.networkAdapters.count == 3)
    }

    @Test(
        "changed bytes never trap",
        arguments: [
            "third-party/glennmatthews+cot/input.ovf", "third-party/ganeti+ganeti/virtualbox.ovf",
            "third-party/vmware+govmomi/ovf/external/smallxp-vapp/smallxp-vapp.ovf",
        ])
    func mutations(path: String) throws {
        let file = try Corpus.open(path)
        let bytes = try file.bytes(Int(file.byteCount), at: 0)
        var random = Mutator(seed: 7)
        for _ in 0..<400 { _ = try? EnvelopeParser(parsing: random.mutate(bytes)) }
    }
}
