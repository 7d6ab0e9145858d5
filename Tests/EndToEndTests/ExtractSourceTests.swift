// `ovafs extract` onto what it reads from: SEMANTICS, "Copies of disks".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct ExtractSourceTests {
        @Test("X2: no file that a disk is read from is replaced, whichever of its names is given")
        func ownSources() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let members = package.members
                try shell(
                    """
                    cd "$1"; mkdir store; mv appliance-disk1.vmdk store/one; ln -s store/one appliance-disk1.vmdk
                    ln appliance-disk2.vmdk other-name; cp store/one store/x.img.partial
                    """, members)
                let before = try Self.digests(in: members)
                let outputs = [
                    "store/one", "appliance-disk2.vmdk", "other-name", "appliance.ovf", "appliance.mf",
                ]
                for source in [members, members + "/appliance.ovf"] {
                    for output in outputs {
                        let result = try Ovafs.attempt(
                            "extract", "--links-inside", "--force", source, "vmdisk1", "-o",
                            members + "/" + output)
                        #expect(result.exitCode == 2, "\(output): \(result.standardError)")
                        #expect(result.standardError.contains("what the disk is read from"))
                    }
                }
                let partial = try Ovafs.attempt(
                    "extract", "--force", members + "/store/x.img.partial", "-o", members + "/store/x.img")
                #expect(partial.exitCode == 2, "\(partial.standardError)")
                let map = try Ovafs.attempt(
                    "extract", "--links-inside", "--force", members, "vmdisk1", "-o", folder("new.raw"),
                    "--damaged=zero", "--map", members + "/appliance.ovf")
                #expect(map.exitCode == 2, "\(map.standardError)")
                #expect(try Self.digests(in: members) == before)
            }
        }

        private static func digests(in folder: String) throws -> String {
            try shell("cd \"$1\"; find . -type f | sort | xargs sha256sum", folder).text
        }
    }
}
