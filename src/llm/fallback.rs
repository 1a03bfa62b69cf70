//! A chain of models: the next one is asked when one does not answer, until text was handed out.

use async_trait::async_trait;
use std::sync::Arc;
use vanna_actors::ports::model::{Deltas, Model, ModelAnswer, ModelMark, ModelRequest, PassedOver};
use vanna_actors::ports::sql::Failure;

/// Models in the order in which they are asked.
pub(super) struct Chain {
    first: Arc<dyn Model>,
    others: Vec<Arc<dyn Model>>,
}

impl Chain {
    pub(super) fn new(first: Arc<dyn Model>, others: Vec<Arc<dyn Model>>) -> Chain {
        Chain { first, others }
    }
}

#[async_trait]
impl Model for Chain {
    fn mark(&self, request: &ModelRequest) -> ModelMark {
        self.first.mark(request)
    }

    async fn call(&self, request: &ModelRequest, deltas: &Deltas) -> Result<ModelAnswer, Failure> {
        let mut passed_over = Vec::new();
        for model in [&self.first].into_iter().chain(&self.others) {
            let failure = match model.call(request, deltas).await {
                Ok(answer) => return Ok(ModelAnswer { passed_over, ..answer }),
                Err(failure) if deltas.started() => return Err(failure),
                Err(failure) => failure,
            };
            passed_over.push(PassedOver { mark: model.mark(request), failure });
        }
        Err(together(passed_over))
    }
}

/// The failure of all: with the code of the last one, because the chain ends there.
fn together(mut failed: Vec<PassedOver>) -> Failure {
    let retryable = failed.iter().any(|one| one.failure.retryable);
    let told: Vec<String> =
        failed.iter().map(|one| format!("{}: {}", one.mark.provider, one.failure.code)).collect();
    match failed.pop() {
        None => Failure::new("model_unavailable", "No model is configured.", false),
        Some(only) if failed.is_empty() => only.failure,
        Some(last) => {
            let all = told.join(", ");
            let message = format!("No model answered ({all}). The last one said: {}", last.failure.message);
            Failure::new(last.failure.code, message, retryable)
        }
    }
}
