// Packages whose manifest or certificate is missing or no file, and what a verification makes of that.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("A verification without a manifest")
struct MissingManifestTests {
    @Test("fails without a manifest, unless the caller knows of that or disks were decoded")
    func noManifest() throws {
        let packages = [
            try TestPackage.simple().open(),
            try TestPackage.open(MemorySource(FailOpenTests.image), named: "disk.vmdk"),
        ]
        for appliance in packages {
            #expect(FailOpenTests.report(appliance).failures.map(\.code) == [.nothingChecked])
            #expect(FailOpenTests.report(appliance) { $0.acceptsNoManifest = true }.isOK)
            let decoded = VerificationReport.Disk(id: "disk1", format: "qcow2", damages: [], count: 0)
            let deep = VerificationReport(
                of: appliance, members: nil, certificate: nil, disks: [decoded])
            #expect(deep.isOK)
            // To be trusted, something has to be signed.
            let trusting = FailOpenTests.report(appliance) {
                $0.acceptsNoManifest = true
                $0.trust = true
            }
            #expect(trusting.failures.map(\.code) == [.signatureMissing])
        }
        #expect(
            FailOpenTests.report(try FailOpenTests.good().open()) { $0.trust = true }.failures.map(\.code)
                == [
                    .signatureMissing
                ])
    }

    @Test("fails where there is a certificate whose manifest is gone")
    func certificateAlone() throws {
        var package = TestPackage.simple()
        package.add("vm.cert", "SHA256(vm.mf)= 00\n")
        let report = FailOpenTests.report(try package.open()) { $0.acceptsNoManifest = true }
        #expect(report.failures.map(\.code) == [.signatureMissing])
    }

    /// What is wrong where the lack of a manifest is accepted and a disk was decoded.
    private static func deepCodes(_ appliance: Appliance) -> [VerificationFailure.Code] {
        var demands = VerificationReport.Demands()
        demands.acceptsNoManifest = true
        let decoded = VerificationReport.Disk(id: "disk1", format: "qcow2", damages: [], count: 0)
        return VerificationReport(
            of: appliance, members: appliance.checkManifest(threadCount: 1), certificate: nil,
            disks: [decoded], demands: demands
        ).failures.map(\.code)
    }

    @Test("fails where the manifest is there and is no file", arguments: ["vm.mf", "./vm.mf", "other.mf"])
    func refusedManifest(name: String) throws {
        for (hasOther, diskPath) in [(false, "disk.vmdk"), (true, "disk.vmdk"), (false, "x/disk.vmdk")] {
            // Without one of the descriptor's name, the only other one would be the manifest.
            if hasOther, name == "other.mf" { continue }
            var inner = TestPackage.simple()
            inner.addManifest("second.mf")
            var tar = TarBuilder()
            tar.add("vm.ovf", inner.members[0].bytes)
            tar.add(name, type: "2", link: "real.manifest")
            tar.add(diskPath, FailOpenTests.image)
            if hasOther { tar.add("second.mf", inner.members[2].bytes) }
            tar.finish()
            let appliance = try TestPackage.open(MemorySource(tar.bytes))
            let codes = Self.deepCodes(appliance)
            #expect(codes.first == .manifestUnreadable, "\(codes)")
            #expect(VerificationFailure.ofManifest(of: appliance, nil).first?.code == .manifestUnreadable)
            // As in a package with a manifest, a file in another folder does not stand for the one that is meant.
            #expect(codes.contains(.fileAbsent) == (diskPath != "disk.vmdk"))
        }
    }

    @Test("takes a folder that is called like a manifest for none")
    func folderForManifest() throws {
        let inner = TestPackage.simple()
        var tar = TarBuilder()
        for (name, bytes) in inner.members { tar.add(name, bytes) }
        tar.add("vm.mf/", type: "5")
        tar.add("vm.mf/vm.mf", Array("SHA256(vm.ovf)= 00\n".utf8))
        tar.finish()
        let appliance = try TestPackage.open(MemorySource(tar.bytes))
        #expect(FailOpenTests.report(appliance).failures.map(\.code) == [.nothingChecked])
        #expect(VerificationFailure.ofManifest(of: appliance, nil).map(\.code) == [.nothingChecked])
        #expect(FailOpenTests.report(appliance) { $0.acceptsNoManifest = true }.isOK)
    }

    @Test("fails where the certificate is there and is no file")
    func refusedCertificate() throws {
        let inner = FailOpenTests.good()
        var tar = TarBuilder()
        for (name, bytes) in inner.members { tar.add(name, bytes) }
        tar.add("vm.cert", type: "2", link: "real.cert")
        tar.finish()
        let appliance = try TestPackage.open(MemorySource(tar.bytes))
        #expect(FailOpenTests.report(appliance).failures.map(\.code) == [.signatureWrong])
    }

    @Test("fails without a manifest, too, where a file is absent or the archive is cut short or damaged")
    func damagedWithoutManifest() throws {
        var descriptor = TestDescriptor()
        descriptor.addDisk("disk1", file: "disk.vmdk")
        descriptor.files += "<File ovf:id=\"iso\" ovf:href=\"seed.iso\"/>"
        var package = TestPackage(descriptor, ("disk.vmdk", FailOpenTests.image))
        #expect(Self.deepCodes(try package.open()) == [.fileAbsent])
        package.add("seed.iso", [UInt8](repeating: 1, count: 8_192))
        #expect(Self.deepCodes(try package.open()) == [])

        var tar = TarBuilder()
        for (name, bytes) in package.members { tar.add(name, bytes) }
        let cut = try TestPackage.open(MemorySource(Array(tar.bytes.dropLast(4_096))))
        #expect(Self.deepCodes(cut) == [.archiveDamaged])
        let damaged = try TestPackage.open(MemorySource(tar.bytes + [UInt8](repeating: 0x41, count: 2_048)))
        #expect(Self.deepCodes(damaged) == [.archiveDamaged])
    }
}
