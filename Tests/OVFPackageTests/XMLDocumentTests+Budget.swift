// Tests of what a document takes while it is parsed.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Testing

@testable import OVFPackage

extension XMLDocumentTests {
    @Test(
        "nodes that the parser keeps beside the text are in the budget while it parses",
        arguments: ["<?a?>", "<!---->", "<![CDATA[]]>"])
    func sideNodes(node: String) throws {
        let text = "<a>" + String(repeating: "x" + node, count: 1_000) + "</a>"
        let budget = OpeningBudget(byteLimit: 1 << 20)
        #expect(try XMLDocument(parsing: Array(text.utf8), budget: budget).root.text.utf8.count == 1_000)
        #expect(budget.usedByteCount < 100_000)
        let error = #expect(throws: DescriptorError.self) {
            try XMLDocument(parsing: Array(text.utf8), budget: OpeningBudget(byteLimit: 200_000))
        }
        #expect(error?.reason.contains("1000 processing instructions") == true)
    }
}
