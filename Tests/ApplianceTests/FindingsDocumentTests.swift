// docs/FINDINGS.md has an entry for each code, and none for another.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OVFPackage

@Suite("The document of findings")
struct FindingsDocumentTests {
    /// The entries of the document, in its order: the code, and what stands below it.
    private func entries() throws -> [(code: String, text: String)] {
        var entries: [(code: String, text: String)] = []
        for line in try Project.text(of: "docs/FINDINGS.md").split(separator: "\n") {
            if line.hasPrefix("### `"), line.hasSuffix("`") {
                entries.append((String(line.dropFirst(5).dropLast()), ""))
            } else if line.hasPrefix("#") == false, !entries.isEmpty {
                entries[entries.count - 1].text += line + "\n"
            }
        }
        return entries
    }

    @Test("has an entry for each code, in the code's order, and none for a code that does not exist")
    func codes() throws {
        #expect(try entries().map(\.code) == PackageWarning.Code.allCases.map(\.rawValue))
    }

    @Test("says of each code what it means, why it matters and what to do")
    func parts() throws {
        for (code, text) in try entries() {
            #expect(text.prefix(while: { $0 != "\n" }).count > 20, "\(code) is not explained")
            #expect(text.contains("\n- Why: "), "\(code) does not say why it matters")
            #expect(text.contains("\n- Do: "), "\(code) does not say what to do")
        }
    }

    @Test("has short codes of lower-case words with hyphens")
    func spelling() {
        for code in PackageWarning.Code.allCases {
            let words = code.rawValue.split(separator: "-", omittingEmptySubsequences: false)
            #expect(words.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isLowercase } })
        }
    }
}
