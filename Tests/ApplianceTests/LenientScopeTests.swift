// Tests of what a verification makes of a package whose descriptor is given up on half-way.
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Appliance
@testable import OVFPackage

@Suite("A verification of a package that was opened leniently")
struct LenientScopeTests {
    /// A package whose descriptor repeats a text for so many systems that it is over the budget when all its files are known.
    private static func package(isListed: Bool) -> TestPackage {
        let image = TestPackage.smallImage
        var descriptor = TestDescriptor()
        descriptor.files = "<File ovf:id=\"f\" ovf:href=\"used.bin\"/>"
        descriptor.disks = "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>"
        let text = String(repeating: "t", count: 1 << 20)
        descriptor.sections = "<AnnotationSection><Annotation>\(text)</Annotation></AnnotationSection>"
        let systems = String(repeating: "<VirtualSystem/>", count: 1_000)
        descriptor.content = "<VirtualSystemCollection>\(systems)</VirtualSystemCollection>"
        var package = TestPackage(descriptor, ("used.bin", [1]))
        if isListed { package.add("disk.vmdk", image.bytes) }
        package.addManifest()
        if !isListed { package.add("disk.vmdk", image.bytes) }
        return package
    }

    @Test("a disk that is found by its content has to be listed, though the descriptor's files are known")
    func unlistedDisk() throws {
        #expect(throws: ApplianceError.self) { try Self.package(isListed: false).open() }
        for isListed in [true, false] {
            let appliance = try Self.package(isListed: isListed).open(lenient: true)
            #expect(appliance.codes.contains("descriptor-unusable"))
            #expect(appliance.disks.map(\.identifier) == ["disk.vmdk"])
            let failures = VerificationFailure.ofManifest(
                of: appliance, appliance.checkManifest(threadCount: 1))
            #expect(failures.map(\.code) == [.descriptorUnusable] + (isListed ? [] : [.fileUnlisted]))
            // No descriptor says what is used.
            #expect(
                failures.first { $0.code == .fileUnlisted }?.message
                    == (isListed
                        ? nil : "\"disk.vmdk\", which is a disk, is not in the manifest"))
        }
    }

    @Test("a file that a usable descriptor uses is called so")
    func words() throws {
        var package = TestPackage.simple()
        let disk = package.members.removeLast()
        package.addManifest()
        package.members.append(disk)
        let appliance = try package.open()
        let failures = VerificationFailure.ofManifest(
            of: appliance, appliance.checkManifest(threadCount: 1))
        #expect(
            failures.map(\.message) == ["\"disk.vmdk\", which the descriptor uses, is not in the manifest"])
    }
}
