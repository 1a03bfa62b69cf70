//! One SELECT.

use super::Lower;
use super::query::comma_separated;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use crate::sql::guard::tree::{Expr, Ident, Item, Piece, Select, StarItem};
use sqlparser::ast::{
    self, ConnectByKind, Distinct, ExceptSelectItem, ExcludeSelectItem, GroupByExpr, GroupByWithModifier,
    IdentWithAlias, NamedWindowDefinition, NamedWindowExpr, RenameSelectItem, ReplaceSelectElement,
    SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, TopQuantity, ValueTableMode,
    WildcardAdditionalOptions,
};

impl Lower<'_> {
    pub(super) fn select(&mut self, select: ast::Select) -> Checked<Select> {
        let ast::Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers: _, // Advice to the planner; it is not written again.
            top,
            top_before_distinct,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _, // Written in the order of the standard.
            value_table_mode,
            flavor,
        } = select;
        if into.is_some() {
            return Err(Refusal::write("INTO"));
        }
        if !optimizer_hints.is_empty() {
            return Err(Refusal::clause("A hint"));
        }
        if !lateral_views.is_empty() || prewhere.is_some() {
            return Err(Refusal::clause("LATERAL VIEW or PREWHERE"));
        }
        if !cluster_by.is_empty() || !distribute_by.is_empty() || !sort_by.is_empty() {
            return Err(Refusal::clause("CLUSTER BY, DISTRIBUTE BY or SORT BY"));
        }
        let head = self.head(distinct, top, top_before_distinct, value_table_mode)?;
        let mut items = projection.into_iter().map(|item| self.item(item)).collect::<Checked<Vec<_>>>()?;
        match flavor {
            SelectFlavor::Standard | SelectFlavor::FromFirst => {}
            SelectFlavor::FromFirstNoSelect => items = vec![Item::Star(StarItem::default())],
        }
        if let Some(exclude) = exclude {
            let [Item::Star(star)] = items.as_mut_slice() else {
                return Err(Refusal::clause("EXCLUDE behind several items"));
            };
            star.without_word = "EXCLUDE";
            star.without.extend(self.excluded(exclude)?);
        }
        let from = from.into_iter().map(|joined| self.joined(joined)).collect::<Checked<Vec<_>>>()?;
        Ok(Select {
            head,
            items,
            from,
            filter: self.optional(selection)?,
            hierarchy: self.hierarchy(connect_by)?,
            group: self.group(group_by)?,
            having: self.optional(having)?,
            windows: named_window
                .into_iter()
                .map(|window| self.named(window))
                .collect::<Checked<Vec<_>>>()?,
            qualify: self.optional(qualify)?,
        })
    }

    pub(super) fn optional(&mut self, expr: Option<ast::Expr>) -> Checked<Option<Expr>> {
        expr.map(|expr| self.expr(expr)).transpose()
    }

    fn named(&mut self, window: NamedWindowDefinition) -> Checked<(Ident, Vec<Piece>)> {
        let NamedWindowDefinition(name, definition) = window;
        let pieces = match definition {
            NamedWindowExpr::NamedWindow(other) => vec![Piece::Window(self.ident(other)?)],
            NamedWindowExpr::WindowSpec(spec) => self.window(spec)?,
        };
        Ok((self.ident(name)?, pieces))
    }

    fn head(
        &mut self,
        distinct: Option<Distinct>,
        top: Option<ast::Top>,
        top_first: bool,
        mode: Option<ValueTableMode>,
    ) -> Checked<Vec<Piece>> {
        let distinct = match distinct {
            None | Some(Distinct::All) => Vec::new(),
            Some(Distinct::Distinct) => vec![Piece::Word("DISTINCT")],
            Some(Distinct::On(exprs)) => {
                let exprs = exprs.into_iter().map(|expr| self.expr(expr)).collect::<Checked<Vec<_>>>()?;
                let mut pieces = vec![Piece::Word("DISTINCT ON (")];
                pieces.extend(comma_separated(exprs));
                pieces.push(Piece::Word(")"));
                pieces
            }
        };
        let top = top.map(|top| self.top(top)).transpose()?.unwrap_or_default();
        let mut head = if top_first { [top, distinct].concat() } else { [distinct, top].concat() };
        match mode {
            None => {}
            Some(ValueTableMode::AsStruct) => head.push(Piece::Word("AS STRUCT")),
            Some(ValueTableMode::AsValue) => head.push(Piece::Word("AS VALUE")),
            Some(ValueTableMode::DistinctAsStruct) => head.push(Piece::Word("DISTINCT AS STRUCT")),
            Some(ValueTableMode::DistinctAsValue) => head.push(Piece::Word("DISTINCT AS VALUE")),
        }
        Ok(head)
    }

    fn top(&mut self, top: ast::Top) -> Checked<Vec<Piece>> {
        let ast::Top { with_ties, percent, quantity } = top;
        let mut pieces = vec![Piece::Word("TOP")];
        match quantity {
            Some(TopQuantity::Constant(count)) => pieces.push(Piece::Type(format!("({count})"))),
            Some(TopQuantity::Expr(expr)) => {
                let expr = self.expr(expr)?;
                // One number is written in brackets however it came.
                match expr.integer().and_then(|count| u64::try_from(count).ok()) {
                    Some(count) => pieces.push(Piece::Type(format!("({count})"))),
                    None => pieces.extend([Piece::Word("("), Piece::Expr(expr), Piece::Word(")")]),
                }
            }
            None => return Err(Refusal::clause("TOP without a number")),
        }
        if percent {
            pieces.push(Piece::Word("PERCENT"));
        }
        if with_ties {
            pieces.push(Piece::Word("WITH TIES"));
        }
        Ok(pieces)
    }

    fn item(&mut self, item: SelectItem) -> Checked<Item> {
        match item {
            SelectItem::UnnamedExpr(expr) => Ok(Item::Expr { expr: self.expr(expr)?, alias: None }),
            SelectItem::ExprWithAlias { expr, alias } => {
                Ok(Item::Expr { expr: self.expr(expr)?, alias: Some(self.alias(alias)?) })
            }
            SelectItem::ExprWithAliases { .. } => Err(Refusal::clause("One expression with several names")),
            SelectItem::Wildcard(options) => Ok(Item::Star(self.star(Vec::new(), options)?)),
            SelectItem::QualifiedWildcard(kind, options) => match kind {
                SelectItemQualifiedWildcardKind::ObjectName(name) => {
                    let name = self.object_name(name)?;
                    Ok(Item::Star(self.star(name, options)?))
                }
                SelectItemQualifiedWildcardKind::Expr(expr) => match self.expr(expr)? {
                    Expr::Column(name) => Ok(Item::Star(self.star(name, options)?)),
                    expr if self.dialect.has_fields() => {
                        let star = self.star(Vec::new(), options)?;
                        if !star.is_bare() {
                            return Err(Refusal::clause("EXCEPT or REPLACE on the fields of a value"));
                        }
                        let pieces = vec![Piece::Expr(expr), Piece::Glue("."), Piece::Glue("*")];
                        Ok(Item::Expr { expr: Expr::Form(pieces), alias: None })
                    }
                    _other => Err(Refusal::clause("A star on a value")),
                },
            },
        }
    }

    pub(super) fn star(
        &mut self,
        qualifier: Vec<Ident>,
        options: WildcardAdditionalOptions,
    ) -> Checked<StarItem> {
        let WildcardAdditionalOptions {
            wildcard_token: _,
            opt_ilike,
            opt_exclude,
            opt_except,
            opt_replace,
            opt_rename,
            opt_alias,
        } = options;
        if opt_alias.is_some() {
            return Err(Refusal::clause("A name for a star"));
        }
        let mut star =
            StarItem { qualifier, pattern: opt_ilike.map(|like| like.pattern), ..StarItem::default() };
        if let Some(exclude) = opt_exclude {
            star.without_word = "EXCLUDE";
            star.without = self.excluded(exclude)?;
        }
        if let Some(ExceptSelectItem { first_element, additional_elements }) = opt_except {
            star.without_word = "EXCEPT";
            star.without.push(self.ident(first_element)?);
            star.without.extend(self.idents(additional_elements)?);
        }
        for element in opt_replace.into_iter().flat_map(|replace| replace.items) {
            let ReplaceSelectElement { expr, column_name, as_keyword: _ } = *element;
            star.replace.push((self.expr(expr)?, self.ident(column_name)?));
        }
        let renames = match opt_rename {
            None => Vec::new(),
            Some(RenameSelectItem::Single(one)) => vec![one],
            Some(RenameSelectItem::Multiple(several)) => several,
        };
        for IdentWithAlias { ident, alias } in renames {
            star.rename.push((self.ident(ident)?, self.alias(alias)?));
        }
        Ok(star)
    }

    fn excluded(&mut self, exclude: ExcludeSelectItem) -> Checked<Vec<Ident>> {
        let names = match exclude {
            ExcludeSelectItem::Single(name) => vec![name],
            ExcludeSelectItem::Multiple(names) => names,
        };
        let mut columns = Vec::new();
        for name in names {
            let mut parts = self.object_name(name)?;
            match (parts.pop(), parts.is_empty()) {
                (Some(column), true) => columns.push(column),
                (_, _) => return Err(Refusal::clause("EXCLUDE of a qualified name")),
            }
        }
        Ok(columns)
    }

    fn hierarchy(&mut self, connect_by: Vec<ConnectByKind>) -> Checked<Vec<Piece>> {
        let mut pieces = Vec::new();
        for kind in connect_by {
            match kind {
                ConnectByKind::ConnectBy { connect_token: _, nocycle, relationships } => {
                    pieces.push(Piece::Word(if nocycle { "CONNECT BY NOCYCLE" } else { "CONNECT BY" }));
                    let relationships =
                        relationships.into_iter().map(|expr| self.expr(expr)).collect::<Checked<Vec<_>>>()?;
                    if !relationships.iter().any(has_prior) {
                        let reason = "CONNECT BY without PRIOR multiplies rows without end; say how a row follows from another.";
                        return Err(Refusal::new(Code::RecursionUnbounded, reason));
                    }
                    pieces.extend(comma_separated(relationships));
                }
                ConnectByKind::StartWith { start_token: _, condition } => {
                    pieces.extend([Piece::Word("START WITH"), Piece::Expr(self.expr(*condition)?)]);
                }
            }
        }
        Ok(pieces)
    }

    fn group(&mut self, group: GroupByExpr) -> Checked<Vec<Piece>> {
        let (mut pieces, modifiers) = match group {
            GroupByExpr::All(modifiers) => (vec![Piece::Word("ALL")], modifiers),
            GroupByExpr::Expressions(exprs, modifiers) => {
                let exprs = exprs.into_iter().map(|expr| self.expr(expr)).collect::<Checked<Vec<_>>>()?;
                (comma_separated(exprs), modifiers)
            }
        };
        for modifier in modifiers {
            match modifier {
                GroupByWithModifier::Rollup => pieces.push(Piece::Word("WITH ROLLUP")),
                GroupByWithModifier::Cube => pieces.push(Piece::Word("WITH CUBE")),
                GroupByWithModifier::Totals => return Err(Refusal::clause("WITH TOTALS")),
                GroupByWithModifier::GroupingSets(expr) => {
                    if !pieces.is_empty() {
                        pieces.push(Piece::Word(" "));
                    }
                    pieces.push(Piece::Expr(self.expr(expr)?));
                }
            }
        }
        Ok(pieces)
    }
}

/// Whether an expression speaks of the row before.
fn has_prior(expr: &Expr) -> bool {
    match expr {
        Expr::Form(pieces) => {
            let inner = |piece: &Piece| matches!(piece, Piece::Expr(inner) if has_prior(inner));
            pieces.first() == Some(&Piece::Word("PRIOR")) || pieces.iter().any(inner)
        }
        Expr::Call(call) => call.expressions().any(has_prior),
        Expr::Field(inner, _) => has_prior(inner),
        Expr::Column(_) | Expr::Literal(_) | Expr::Query(_) | Expr::Star(_) | Expr::Lambda { .. } => false,
    }
}
