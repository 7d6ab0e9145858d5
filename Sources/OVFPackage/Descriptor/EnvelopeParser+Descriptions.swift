// The sections of a descriptor that people read: products, annotations, licences, and those of vendors.
// SPDX-License-Identifier: Apache-2.0

extension EnvelopeParser {
    /// Most values that a section is flattened to.
    private static let maximumSummaryCount = 256
    /// Longest path and longest value there, in bytes.
    private static let maximumPathByteCount = 1_000
    private static let maximumValueByteCount = 4_000

    /// Adds a section to what is said about a package or a virtual system.
    ///
    /// Not a method: `descriptions` is a part of the parser, which would be copied, and each array with it.
    static func describe(
        _ section: XMLElement, for configuration: String?, in descriptions: inout DescriptiveSections
    ) {
        switch section.sectionName {
        case "ProductSection": descriptions.products.append(product(section, for: configuration))
        case "AnnotationSection":
            if let text = section.childText("Annotation").nonEmpty { descriptions.annotations.append(text) }
        case "EulaSection": descriptions.licenses.append(section.childText("Info"))
        default:
            descriptions.otherSections.append(
                OtherSection(
                    namespace: section.namespace, name: section.sectionName, info: section.childText("Info"),
                    line: section.line))
        }
    }

    private static func product(_ section: XMLElement, for configuration: String?) -> Product {
        Product(
            name: section.childText("Product"), vendor: section.childText("Vendor"),
            version: section.childText("Version"), fullVersion: section.childText("FullVersion"),
            url: section.childText("ProductUrl"), className: section.attribute("class") ?? "",
            instance: section.attribute("instance") ?? "",
            properties: section.children.filter { $0.name == "Property" }.map {
                Product.Property(
                    key: $0.attribute("key") ?? "", type: $0.attribute("type") ?? "",
                    value: value(of: $0, for: configuration), label: $0.childText("Label"))
            })
    }

    /// The value of a property for the chosen configuration, else the general one.
    private static func value(of property: XMLElement, for configuration: String?) -> String? {
        let chosen = property.children.first {
            $0.name == "Value" && $0.attribute("configuration") == configuration && configuration != nil
        }
        return chosen?.attribute("value") ?? property.attribute("value")
            ?? property.child("Value")?.attribute("value")
    }

    /// Makes every property of the document known under its key, and under its full name.
    mutating func collectProperties(of root: XMLElement) throws(DescriptorError) {
        var pending = [root]
        while let element = pending.popLast() {
            for child in element.children.reversed() where child.sectionName != "References" {
                pending.append(child)
            }
            guard element.sectionName == "ProductSection" else { continue }
            let parts = [element.attribute("class") ?? "", element.attribute("instance") ?? ""]
            for property in element.children where property.name == "Property" {
                guard let key = property.attribute("key"),
                    let value = Self.value(of: property, for: configuration)
                else { continue }
                // One class is written in the name of every property: a product.
                let nameByteCount = parts[0].utf8.count + parts[1].utf8.count + 2 * key.utf8.count
                try take(
                    EnvelopeCost.property + UInt64(nameByteCount), for: "a Property", line: property.line)
                let full = [parts[0], key, parts[1]].filter { !$0.isEmpty }.joined(separator: ".")
                for name in [ByteString(key), ByteString(full)] where properties[name] == nil {
                    properties[name] = value
                }
            }
        }
    }

    /// The texts in a section, each with the names of the elements around it.
    static func flattened(_ section: XMLElement) -> [SectionValue] {
        var values: [SectionValue] = []
        // An element's path is made when its turn comes: made for all children, it would be the product of two lengths.
        var pending = section.children.reversed().map { (element: $0, parent: "") }
        while let (element, parent) = pending.popLast(), values.count < maximumSummaryCount {
            let own = element.attribute("name").map { "\(element.name)[\($0)]" } ?? element.name
            let path = (parent.isEmpty ? own : "\(parent)/\(own)").quotable(upTo: maximumPathByteCount)
            let text = element.text.trimmed
            if !text.isEmpty {
                values.append(SectionValue(path: path, value: text.quotable(upTo: maximumValueByteCount)))
            }
            pending += element.children.reversed().map { ($0, path) }
        }
        return values
    }
}
