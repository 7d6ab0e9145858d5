// What `ovafs verify` and `-o verify=manifest` must not pass, made from the outside: SEMANTICS M5 and C10.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct TrustTests {
        /// A signed package, the certificate of its signer, and another one.
        private struct Signed {
            let members: String
            let certificate: String
            let other: String
            var names = StandardPackage.memberNames + ["appliance.cert"]

            init(in folder: TestFolder, digest: String = "sha256", extensions: String = "") throws {
                members = try StandardPackage(in: folder).members
                certificate = folder("signer.pem")
                other = folder("other.pem")
                try shell(
                    """
                    cd "$1"; echo "$3" > ../extensions
                    for name in signer other; do
                        openssl req -newkey rsa:2048 -nodes -keyout ../$name.key -out ../request -subj /CN=$name 2> /dev/null
                        openssl x509 -req -in ../request -signkey ../$name.key -days 30 -extfile ../extensions \
                            -out ../$name.pem 2> /dev/null
                    done
                    signature=$(openssl dgst -$2 -sign ../signer.key -hex appliance.mf | sed 's/.*= *//')
                    { echo "${2^^}(appliance.mf)= $signature"; cat ../signer.pem; } > appliance.cert
                    """, members, digest, extensions)
            }

            func pack(to path: String) throws -> String {
                try Fixtures.tar(names, in: members, to: path)
                return path
            }
        }

        private func verify(_ arguments: String...) throws -> CommandResult {
            try attempt([try Ovafs.path(), "verify"] + arguments)
        }

        /// Whether `verify`, with and without trust, and `verify=manifest` refuse a package.
        private func expectRefused(
            _ package: String, _ signed: Signed, in folder: TestFolder, naming name: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            for options in [[], ["--trust", signed.certificate], ["--no-manifest"]] {
                let result = try attempt([try Ovafs.path(), "verify", package] + options)
                #expect(result.exitCode == 1, "\(options): \(result.text)", sourceLocation: sourceLocation)
                #expect(
                    result.lines.last?.hasPrefix("NOT verified: ") == true, sourceLocation: sourceLocation)
                #expect(result.text.contains(name), "\(result.text)", sourceLocation: sourceLocation)
            }
            let point = try folder.makeFolder("refused")
            let mounted = try Ovafs.attempt("mount", package, point, "-o", "verify=manifest")
            #expect(mounted.exitCode == 1, sourceLocation: sourceLocation)
            #expect(mounted.standardError.contains("not mounted"), sourceLocation: sourceLocation)
            #expect(folder.mountPoints().isEmpty, sourceLocation: sourceLocation)
        }

        @Test("C10 M5: a signed package whose disk was exchanged for one in another folder is refused")
        func movedDisk() throws {
            try withTestFolder { folder in
                var signed = try Signed(in: folder)
                let good = try signed.pack(to: folder("good.ova"))
                #expect(try verify(good, "--trust", signed.certificate).exitCode == 0)
                try withMount(of: good, in: folder, options: "verify=manifest") { _ in }
                try shell(
                    "mkdir $1/x; mv $1/appliance-disk2.vmdk $1/x/; truncate -s +512 $1/x/*", signed.members)
                signed.names = signed.names.map {
                    $0 == "appliance-disk2.vmdk" ? "x/appliance-disk2.vmdk" : $0
                }
                let bad = try signed.pack(to: folder("bad.ova"))
                try expectRefused(bad, signed, in: folder, naming: "appliance-disk2.vmdk")
                // The folder package too.
                try expectRefused(signed.members, signed, in: folder, naming: "appliance-disk2.vmdk")
            }
        }

        @Test(
            "C10 M5: a manifest that says nothing of what is used is refused",
            arguments: [
                ("empty", ": > appliance.mf", "manifest"),
                ("without the descriptor", "sed -i /ovf/d appliance.mf", "appliance.ovf"),
                ("without a disk", "sed -i /disk1/d appliance.mf", "appliance-disk1.vmdk"),
                ("of other files", "sed -i 's/(/(x\\//' appliance.mf", "appliance.ovf"),
                ("no manifest", "head -c 9000 /dev/urandom > appliance.mf", "appliance.ovf"),
                ("too long", "truncate -s 17M appliance.mf", "longer than"),
            ])
        func manifest(what: String, script: String, named: String) throws {
            try withTestFolder { folder in
                let signed = try Signed(in: folder)
                try shell("cd $1; \(script)", signed.members)
                try expectRefused(
                    try signed.pack(to: folder("x.ova")), signed, in: folder, naming: named)
            }
        }

        @Test("C10: --trust passes only what a trusted certificate stands behind, and says why not")
        func trust() throws {
            try withTestFolder { folder in
                var signed = try Signed(in: folder)
                let package = try signed.pack(to: folder("x.ova"))
                #expect(try verify(package, "--trust", signed.certificate).exitCode == 0)
                let untrusted = try verify(package, "--trust", signed.other)
                #expect(untrusted.exitCode == 1)
                #expect(untrusted.lines.last?.contains("not trusted") == true)
                #expect(try verify(package).exitCode == 0)

                // All certificates of the file count; a file without one, or none that is there, is said so.
                try shell(
                    "for i in $(seq 70); do cat $1; done > $3; cat $2 >> $3", signed.other,
                    signed.certificate,
                    folder("many.pem"))
                #expect(try verify(package, "--trust", folder("many.pem")).exitCode == 0)
                for text in [
                    "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                ] {
                    try folder.write(text, to: "none.pem")
                    let result = try verify(package, "--trust", folder("none.pem"))
                    #expect(result.exitCode == 2, "\(text)")
                    #expect(result.standardError.contains("none.pem"))
                }
                #expect(try verify(package, "--trust", folder("absent.pem")).exitCode == 2)

                // Unsigned, without a manifest, and a disk image by itself.
                let names = signed.names
                signed.names = names.filter { $0 != "appliance.cert" }
                #expect(
                    try verify(try signed.pack(to: folder("unsigned.ova")), "--trust", signed.certificate)
                        .exitCode == 1)
                signed.names = names.filter { !$0.hasSuffix(".mf") }
                let bare = try signed.pack(to: folder("bare.ova"))
                #expect(try verify(bare, "--trust", signed.certificate).exitCode == 1)
                #expect(
                    try verify(bare, "--trust", signed.certificate, "--no-manifest", "--deep").exitCode == 1)
                let image = signed.members + "/appliance-disk1.vmdk"
                #expect(try verify(image, "--trust", signed.certificate, "--deep").exitCode == 1)
            }
        }

        @Test(
            "C10: a SHA-1 signature and a certificate for TLS servers are not trusted",
            arguments: [
                ("sha1", "", false), ("sha256", "extendedKeyUsage=serverAuth", false),
                ("sha256", "keyUsage=keyEncipherment", false),
                ("sha256", "extendedKeyUsage=codeSigning", true),
            ])
        func purposes(digest: String, extensions: String, isTrusted: Bool) throws {
            try withTestFolder { folder in
                let signed = try Signed(in: folder, digest: digest, extensions: extensions)
                let package = try signed.pack(to: folder("x.ova"))
                #expect(try verify(package, "--trust", signed.certificate).exitCode == (isTrusted ? 0 : 1))
                let unasked = try verify(package)
                #expect(unasked.exitCode == 0)
                #expect(unasked.text.contains("\(digest.uppercased()) with RSA2048"))
            }
        }

        @Test("C10: without a manifest nothing is checked, which is no success unless it is asked for")
        func nothingChecked() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let names = StandardPackage.memberNames.filter { $0 != "appliance.mf" }
                try Fixtures.tar(names, in: package.members, to: folder("x.ova"))
                let plain = try verify(folder("x.ova"))
                #expect(plain.exitCode == 1)
                #expect(plain.lines.last?.contains("nothing was checked") == true)
                #expect(plain.standardError.contains("--no-manifest"))
                let known = try verify(folder("x.ova"), "--no-manifest")
                #expect(known.exitCode == 0)
                #expect(known.lines.last?.hasPrefix("verified") == false)
                #expect(try verify(folder("x.ova"), "--deep").exitCode == 0)
                let point = try folder.makeFolder("refused")
                #expect(
                    try Ovafs.attempt("mount", folder("x.ova"), point, "-o", "verify=manifest").exitCode == 1)
                #expect(folder.mountPoints().isEmpty)
            }
        }

        @Test("C10 M5: a descriptor that cannot be used fails a verification, leniently, too")
        func unusableDescriptor() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try shell(
                    """
                    cd "$1"; echo '<junk/>' > appliance.ovf
                    for name in appliance.ovf notes.txt; do
                        echo "SHA256($name)= $(sha256sum $name | cut --delimiter=' ' --fields=1)"
                    done > appliance.mf
                    """, package.members)
                try Fixtures.tar(
                    ["appliance.ovf", "appliance.mf", "notes.txt"], in: package.members, to: folder("x.ova"))
                let verified = try verify(folder("x.ova"), "--lenient")
                #expect(verified.exitCode == 1)
                #expect(verified.standardError.contains("the descriptor cannot be used"))
                let point = try folder.makeFolder("refused")
                let refused = try Ovafs.attempt(
                    "mount", folder("x.ova"), point, "-o", "lenient,verify=manifest")
                #expect(refused.exitCode == 1)
                #expect(refused.standardError.contains("verify=manifest: the descriptor cannot be used"))
                #expect(folder.mountPoints().isEmpty)
                try withMount(of: folder("x.ova"), in: folder, options: "lenient") { _ in }
            }
        }
    }
}
