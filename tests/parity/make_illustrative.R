# What R's survey package says of our own illustrative survey of Brighton and Hove, for test_illustrative_parity.py.
# Run from this folder, after make_illustrative.py has written the margins: Rscript make_illustrative.R
# (Debian: apt-get install r-cran-survey). The design and the margins are those of data/.../survey.toml.
suppressPackageStartupMessages(library(survey))
options(survey.lonely.psu = "adjust", digits = 15)
made_by <- paste0("# ", R.version.string, "; survey ", packageVersion("survey"), "; tests/parity/make_illustrative.R")
keep <- function(frame, name) {
  numeric <- vapply(frame, is.double, TRUE)
  frame[numeric] <- lapply(frame[numeric], signif, 12)
  path <- file.path("results", name)
  writeLines(made_by, path)
  suppressWarnings(write.table(frame, path, append = TRUE, sep = ",", row.names = FALSE, na = ""))
}

file <- "../../data/brighton-and-hove/sources/city_survey.csv"
people <- read.csv(file, na.strings = c("", "No answer", "Prefer not to say"), colClasses = "character")
people$weight <- as.numeric(people$Design.weight)
people$lonely <- as.numeric(people$Loneliness == "Often or always")
people$unsafe <- as.numeric(people$After.dark %in% c("Very unsafe", "Fairly unsafe"))
people$unsafe[is.na(people$After.dark)] <- NA
people$satisfaction <- as.numeric(people$Life.satisfaction)
people$day <- as.numeric(as.Date(people$Interview.date, "%d/%m/%Y") - as.Date("2026-04-20"))
people$age_sex <- paste(people$age_band, people$sex)

margins <- read.csv("results/illustrative_targets.csv", comment.char = "#", colClasses = c(category = "character"))
totals <- lapply(split(margins, margins$margin), function(m) setNames(m$people, m$category))
for (name in names(totals)) people[[name]] <- factor(people[[name]], levels = sort(names(totals[[name]])))
wanted <- c("(Intercept)" = sum(totals$age_sex))
for (name in c("age_sex", "disability", "ward_code")) {
  others <- levels(people[[name]])[-1]
  wanted <- c(wanted, setNames(totals[[name]][others], paste0(name, others)))
}
base <- svydesign(id = ~Sampling.point, strata = ~Stratum, weights = ~weight, data = people, nest = TRUE)
formula <- ~ age_sex + disability + ward_code
raked <- calibrate(base, formula, wanted, calfun = "raking", epsilon = 1e-13, maxit = 500)
people$scaled <- people$weight * sum(totals$age_sex) / sum(people$weight)  # so that 1 is the average change
scaled <- svydesign(id = ~Sampling.point, strata = ~Stratum, weights = ~scaled, data = people, nest = TRUE)
trimmed <- calibrate(scaled, formula, wanted, calfun = "raking", bounds = c(0.5, 2), epsilon = 1e-12, maxit = 2000)
keep(data.frame(raked = weights(raked), trimmed = weights(trimmed)), "illustrative_weights.csv")
designs <- list(unraked = base, raked = raked, trimmed = trimmed)

# Means, totals, design effects, medians and ratios: the whole city, the wards, and sexes within wards
everyone <- data.frame(kind = "all", domain = "all")
wards <- data.frame(kind = "ward", domain = sort(unique(as.character(people$ward_code))))
crossed <- expand.grid(ward = wards$domain[1:6], sex = c("Female", "Male"), stringsAsFactors = FALSE)
crossed <- data.frame(kind = "ward and sex", domain = paste(crossed$ward, crossed$sex))
cells <- rbind(everyone, wards, crossed)
belongs <- list(all = rep("all", nrow(people)), ward = as.character(people$ward_code),
                `ward and sex` = paste(people$ward_code, people$Sex..as.told.))
estimate <- function(name, kind, domain, question) {
  design <- designs[[name]]
  answer <- people[[question]]
  design$variables$y <- ifelse(is.na(answer), 0, answer)  # outside the domain: its weight is nought there
  part <- subset(design, belongs[[kind]] == domain & !is.na(answer))
  mean <- svymean(~y, part, deff = "replace")
  total <- svytotal(~y, part)
  interval <- if (question %in% c("lonely", "unsafe")) attr(svyciprop(~y, part, method = "beta", df = degf(part)), "ci")
    else confint(mean, df = degf(part))
  middle <- c(NA, NA, NA, NA)
  if (question %in% c("satisfaction", "day")) middle <- svyquantile(~y, part, 0.5, interval.type = "xlogit")$y[1, 1:4]
  data.frame(design = name, kind = kind, domain = domain, question = question, estimate = coef(mean)[[1]],
             standard_error = SE(mean)[[1]], lower = interval[[1]], upper = interval[[2]],
             design_effect = deff(mean)[[1]], degrees_of_freedom = degf(part), total = coef(total)[[1]],
             total_standard_error = SE(total)[[1]], median = middle[[1]], median_lower = middle[[2]],
             median_upper = middle[[3]], median_standard_error = middle[[4]])
}
grid <- merge(merge(cells, data.frame(name = names(designs))), data.frame(question = c("lonely", "unsafe", "satisfaction", "day")))
keep(do.call(rbind, Map(estimate, grid$name, grid$kind, grid$domain, grid$question)), "illustrative_estimates.csv")

# Differences: ward against the city that it is part of, ward against ward, women against men; and ratios of totals
contrast <- function(name, first, second, question, in_first, in_second) {
  design <- designs[[name]]
  answer <- people[[question]]
  asked <- !is.na(answer)
  top <- ifelse(asked, answer, 0)
  design$variables <- data.frame(t1 = top * in_first, b1 = asked * in_first, t2 = top * in_second, b2 = asked * in_second)
  gap <- svycontrast(svytotal(~t1 + b1 + t2 + b2, design), quote(t1 / b1 - t2 / b2))
  ratio <- svyratio(~t1, ~t2, design)
  data.frame(design = name, first = first, second = second, question = question, difference = coef(gap)[[1]],
             standard_error = SE(gap)[[1]], ratio = coef(ratio)[[1]], ratio_standard_error = SE(ratio)[[1]])
}
sex <- people$Sex..as.told.
pairs <- list(c("E05015398", "all"), c("E05015398", "E05015399"), c("E05015420", "all"), c("Female", "Male"))
inside <- function(name) {
  found <- if (name == "all") rep(TRUE, nrow(people)) else if (name %in% wards$domain) people$ward_code == name else sex == name
  found & !is.na(found)
}
lines <- list()
for (name in names(designs)) for (pair in pairs) for (question in c("lonely", "satisfaction"))
  lines <- c(lines, list(contrast(name, pair[1], pair[2], question, inside(pair[1]), inside(pair[2]))))
keep(do.call(rbind, lines), "illustrative_contrasts.csv")

# Rao-Scott: first order ("Chisq") and second order ("F")
tests <- list(c("Loneliness", "disability"), c("Influence", "sex"), c("After.dark", "Unpaid.care"))
test <- function(name, row, column) {
  both <- subset(designs[[name]], !is.na(people[[row]]) & !is.na(people[[column]]))
  formula <- as.formula(paste("~", row, "+", column))
  first <- svychisq(formula, both, statistic = "Chisq")
  second <- svychisq(formula, both, statistic = "F")
  share <- sum(!is.na(people[[row]]) & !is.na(people[[column]])) / nrow(both)  # a raked subset keeps all its rows
  data.frame(design = name, row = row, column = column, pearson = first$statistic[[1]] * share,
             first_order_p_value = first$p.value[[1]], statistic = second$statistic[[1]],
             numerator_degrees = second$parameter[[1]], denominator_degrees = second$parameter[[2]],
             p_value = second$p.value[[1]])
}
keep(do.call(rbind, lapply(names(designs), function(name) do.call(rbind, lapply(tests, function(t) test(name, t[1], t[2]))))),
     "illustrative_tests.csv")
